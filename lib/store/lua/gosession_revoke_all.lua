#!lua flags=allow-oom
-- End all sessions of a user.
--
-- KEYS  index
-- ARGV  prefix of token keys
--
-- Returns how many sessions ended.

local revoked = 0
for i, token in ipairs(redis.call('HKEYS', KEYS[1])) do
	revoked = revoked + redis.call('DEL', ARGV[1] .. token)
end
redis.call('DEL', KEYS[1])
return revoked
