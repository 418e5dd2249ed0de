#!lua flags=allow-oom
-- End a session.
--
-- KEYS  token key, index
-- ARGV  token
--
-- Returns how many sessions ended: 1 or 0.

local listed = redis.call('HDEL', KEYS[2], ARGV[1])
local found = redis.call('DEL', KEYS[1])
return listed * found
