#!lua flags=allow-oom
-- Write something, and change nothing.
--
-- KEYS  a key that nobody uses

redis.call('SET', KEYS[1], '')
return redis.call('DEL', KEYS[1])
