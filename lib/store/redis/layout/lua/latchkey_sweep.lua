#!lua flags=allow-oom
-- Forget some of a user's expired sessions.
--
-- KEYS  index
--
-- Returns how many they were, '', and whether there are more, '' if not.

local STEP = 1000

local time = redis.call('TIME')
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf',
	string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)),
	'LIMIT', 0, STEP)
if #expired > 0 then
	redis.call('ZREM', KEYS[1], unpack(expired))
end
return { #expired, '', #expired == STEP and '1' or '' }
