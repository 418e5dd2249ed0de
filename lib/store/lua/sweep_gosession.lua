#!lua flags=allow-oom
-- Forget a user's expired sessions.
--
-- KEYS  index
-- ARGV  prefix of token keys
--
-- Returns how many there were.

local swept = 0
for i, token in ipairs(redis.call('HKEYS', KEYS[1])) do
	if redis.call('EXISTS', ARGV[1] .. token) == 0 then
		swept = swept + redis.call('HDEL', KEYS[1], token)
	end
end
return swept
