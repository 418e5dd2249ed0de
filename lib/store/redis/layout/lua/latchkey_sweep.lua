#!lua flags=allow-oom
-- Forget some of a user's expired sessions.
--
-- KEYS  index
--
-- Returns how many they were, '', and whether there are more, '' if not.

local index, how = KEYS[1], '0 0 0 - - '
local STEP = 1000
-- include beside.lua

local expired = redis.call('ZRANGEBYSCORE', index, '-inf', digits(now_ms),
	'LIMIT', 0, STEP)
if #expired > 0 then
	redis.call('ZREM', index, unpack(expired))
	forget(expired)
end
return { #expired, '', #expired == STEP and '1' or '' }
