#!lua flags=allow-oom
-- End a session.  That is done whatever became of the user's index.
--
-- KEYS  session record, index
-- ARGV  handle
--
-- Returns how many sessions ended: 1 or 0.

local ended = redis.call('DEL', KEYS[1])
redis.pcall('ZREM', KEYS[2], ARGV[1])
return ended
