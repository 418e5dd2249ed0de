#!lua flags=allow-oom
-- End a session.
--
-- KEYS  session record, index
-- ARGV  handle
--
-- Returns how many sessions ended: 1 or 0.

redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
