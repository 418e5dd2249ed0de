#!lua flags=allow-oom
-- End a session.  That is done whatever became of the user's index.
--
-- KEYS  session record, index
-- ARGV  handle, reason, how (beside.lua)
--
-- Returns how many sessions ended: 1 or 0.

local index, how = KEYS[2], ARGV[3]
if redis.pcall('TIME').err then
	redis.pcall('ZREM', index, ARGV[1])
	return redis.call('DEL', KEYS[1])
end
-- include beside.lua

return finish_each({ ARGV[1] }, ARGV[2])
