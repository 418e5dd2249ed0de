#!lua flags=allow-oom
-- End a session.  That is done whatever became of the user's index.
--
-- KEYS  session record, index
-- ARGV  handle, reason, how (beside.lua)
--
-- Returns how many sessions ended: 1 or 0.

local index, how = KEYS[2], ARGV[3]
-- include beside.lua

if redis.call('EXISTS', KEYS[1]) == 0 then
	redis.pcall('ZREM', index, ARGV[1])
	return 0
end
return finish_each({ ARGV[1] }, ARGV[2])
