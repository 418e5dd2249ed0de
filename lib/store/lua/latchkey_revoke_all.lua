#!lua flags=allow-oom
-- End all sessions of a user.
--
-- KEYS  index
-- ARGV  prefix of the user's session records, time of issue in microseconds
--       after which a session is spared or ''
--
-- Returns how many sessions ended, and the time as a number in a string.

local time = redis.call('TIME')
local newest = tonumber(ARGV[2])

local function is_spared(record)
	return newest and record and
		(tonumber(string.match(record, '^1 (%d+) ')) or 0) > newest
end

local revoked = 0
for i, handle in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
	local key = ARGV[1] .. handle
	if not is_spared(newest and redis.call('GET', key)) then
		revoked = revoked + redis.call('DEL', key)
		redis.call('ZREM', KEYS[1], handle)
	end
end
return { revoked, string.format('%s%06d', time[1], time[2]) }
