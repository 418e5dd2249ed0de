#!lua flags=allow-oom
-- End all sessions of a user.
--
-- KEYS  index
-- ARGV  prefix of the user's session records
--
-- Returns how many sessions ended.

local revoked = 0
for i, handle in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
	revoked = revoked + redis.call('DEL', ARGV[1] .. handle)
end
redis.call('DEL', KEYS[1])
return revoked
