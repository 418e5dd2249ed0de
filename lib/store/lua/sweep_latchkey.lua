#!lua flags=allow-oom
-- Forget a user's expired sessions.
--
-- KEYS  index
--
-- Returns how many there were.

local time = redis.call('TIME')
return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf',
	string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
