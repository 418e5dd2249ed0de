#!lua
-- Start a session as gosession does, and end the user's sessions that are
-- over the limit: those that would end first, since this layout does not
-- record when a session began.
--
-- KEYS  token key, index
-- ARGV  token, value of the token key, ttl in seconds, limit (0: none),
--       prefix of token keys, shortest life of the index in seconds
--
-- Returns when the session ends, in milliseconds.

local token, value = ARGV[1], ARGV[2]
local ttl, limit = tonumber(ARGV[3]), tonumber(ARGV[4])
local prefix, index_ttl = ARGV[5], tonumber(ARGV[6])

local time = redis.call('TIME')
local now = tonumber(time[1])
local now_ms = now * 1000 + math.floor(time[2] / 1000)
local expires_ms = now_ms + ttl * 1000

-- The user's live tokens but this one, by expiry; dead ones are dropped.
local function live_tokens()
	local fields = redis.call('HGETALL', KEYS[2])
	local live = {}
	for i = 1, #fields, 2 do
		local ends = redis.call('PEXPIRETIME', prefix .. fields[i])
		if ends > now_ms and fields[i] ~= token then
			live[#live + 1] =
				{ token = fields[i], ends = ends, place = i }
		elseif ends == -2 then
			redis.call('HDEL', KEYS[2], fields[i])
		end
	end
	table.sort(live, function (a, b)
		return a.ends < b.ends or
			(a.ends == b.ends and a.place < b.place)
	end)
	return live
end

-- Without a limit, forget some of the expired tokens at each issue, so that
-- the index stays in proportion to what lives without ever being read whole.
local function forget_some()
	local fields = redis.call('HRANDFIELD', KEYS[2], 8, 'WITHVALUES')
	for i = 1, #fields, 2 do
		if (tonumber(fields[i + 1]) or 0) < now and
			redis.call('EXISTS', prefix .. fields[i]) == 0 then
			redis.call('HDEL', KEYS[2], fields[i])
		end
	end
end

if limit > 0 then
	local live = live_tokens()
	for i = 1, #live - limit + 1 do
		redis.call('DEL', prefix .. live[i].token)
		redis.call('HDEL', KEYS[2], live[i].token)
	end
	-- Logins that follow each other at once stay in order.
	for i, other in ipairs(live) do
		if other.ends >= expires_ms and
			other.ends < expires_ms + 100 then
			expires_ms = other.ends + 1
		end
	end
else
	forget_some()
end

redis.call('SET', KEYS[1], value, 'PXAT', string.format('%.0f', expires_ms))

-- The index outlives each of its tokens; its own life is never shortened.
local index_life = redis.call('TTL', KEYS[2])
redis.call('HSET', KEYS[2], token, string.format('%.0f', now + ttl))
local wanted = math.max(index_ttl, ttl + 1)
if index_life ~= -1 and index_life < wanted then
	redis.call('EXPIRE', KEYS[2], wanted)
end
return expires_ms
