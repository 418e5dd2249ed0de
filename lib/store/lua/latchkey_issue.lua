#!lua
-- Start a session, and end the user's oldest ones that are over the limit.
--
-- KEYS  session record, index
-- ARGV  handle, digest, client, user, ttl in seconds, limit (0: none),
--       prefix of the user's session records, how many milliseconds the
--       index remembers an expired session
--
-- Returns the record.  Doing it twice with the same handle is doing it once.

local handle, digest, client, user = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local ttl, limit = tonumber(ARGV[5]), tonumber(ARGV[6])
local prefix, memory = ARGV[7], tonumber(ARGV[8])

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf',
	string.format('%.0f', now_ms - memory))

-- The user's live sessions but this one, oldest first.
local function live_sessions()
	local handles = redis.call('ZRANGEBYSCORE', KEYS[2],
		string.format('(%.0f', now_ms), '+inf')
	local live = {}
	for i, other in ipairs(handles) do
		local record = other ~= handle and
			redis.call('GET', prefix .. other)
		if record then
			local issued = string.match(record, '^1 (%d+) ')
			live[#live + 1] = { handle = other,
				issued = tonumber(issued) or 0 }
		end
	end
	table.sort(live, function (a, b) return a.issued < b.issued end)
	return live
end

if limit > 0 and redis.call('ZCARD', KEYS[2]) >= limit then
	local live = live_sessions()
	for i = 1, #live - limit + 1 do
		redis.call('DEL', prefix .. live[i].handle)
		redis.call('ZREM', KEYS[2], live[i].handle)
	end
end

local expires_ms = string.format('%.0f', now_ms + ttl * 1000)
local record = string.format('1 %s%06d %s %s %s %s', time[1], time[2],
	expires_ms, digest, client, user)
redis.call('SET', KEYS[1], record, 'PXAT', expires_ms)
redis.call('ZADD', KEYS[2], expires_ms, handle)

-- The index lives as long as it is needed, and not longer.
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', last[2] + memory))
return record
