#!lua flags=allow-oom
-- End a session.  That is done whatever became of the user's index.
--
-- KEYS  token key, index
-- ARGV  token
--
-- Returns how many sessions ended: 1 or 0.

local found = redis.call('DEL', KEYS[1])
local listed = redis.pcall('HDEL', KEYS[2], ARGV[1])
return listed == 0 and 0 or found
