#!lua flags=allow-oom
-- End a session.  That is done whatever became of the user's index, and of what
-- stands beside it.
--
-- KEYS  token key, index
-- ARGV  token, handle and digest, reason, how (past.lua)
--
-- Returns how many sessions ended: 1 or 0.

local index, how = KEYS[2], ARGV[4]
if redis.pcall('HEXISTS', index, ARGV[1]) == 0 then
	redis.call('DEL', KEYS[1])
	return 0
end
if redis.pcall('TIME').err then
	redis.pcall('HDEL', index, ARGV[1])
	return redis.call('DEL', KEYS[1])
end
-- include beside_gosession.lua

return finish_each({ ARGV[1] }, ARGV[3], ARGV[2])
