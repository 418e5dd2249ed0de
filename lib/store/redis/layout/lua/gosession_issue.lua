#!lua
-- Start a session as gosession does, and end the user's sessions that are
-- over the limit: those that would end first, since this layout does not
-- record when a session began.
--
-- KEYS  token key, index
-- ARGV  token, value of the token key, ttl in seconds, limit (0: none),
--       prefix of token keys, shortest life of the index in seconds, whether
--       gosession_trim has been run
--
-- Returns when the session ends, in milliseconds, or -1, and nothing was done,
-- if there may be so many sessions over the limit that gosession_trim has to
-- come first.

local token, value = ARGV[1], ARGV[2]
local ttl, limit = tonumber(ARGV[3]), tonumber(ARGV[4])
local prefix, index_ttl = ARGV[5], tonumber(ARGV[6])
local trimmed, ONCE = ARGV[7] == '1', 10000

local time = redis.call('TIME')
local now = tonumber(time[1])
local now_ms = now * 1000 + math.floor(time[2] / 1000)
local expires_ms = now_ms + ttl * 1000

-- When each token ends: the second, as the index has it, and the millisecond,
-- which is asked for where it matters.
local seconds, exactly = {}, {}
local function ends(other)
	exactly[other] = exactly[other] or
		redis.call('PEXPIRETIME', prefix .. other)
	return exactly[other]
end
local function is_before(a, b)
	if seconds[a] ~= seconds[b] then
		return seconds[a] < seconds[b]
	end
	return ends(a) < ends(b)
end

-- The user's live tokens but this one; dead ones are dropped.
local function live_tokens()
	local fields = redis.call('HGETALL', KEYS[2])
	local live = {}
	for i = 1, #fields, 2 do
		local other = fields[i]
		seconds[other] = tonumber(fields[i + 1]) or 0
		if seconds[other] <= now and ends(other) == -2 then
			redis.call('HDEL', KEYS[2], other)
		elseif other ~= token and
			(seconds[other] > now or ends(other) > now_ms) then
			live[#live + 1] = other
		end
	end
	return live
end

-- End ${over} of them, those that end first.
local function end_first(live, over)
	local first = 1
	if over == 1 then
		for i = 2, #live do
			if is_before(live[i], live[first]) then
				first = i
			end
		end
		live[1], live[first] = live[first], live[1]
	elseif over > 1 then
		table.sort(live, is_before)
	end
	for i = 1, #live do
		if over <= 0 then
			break
		end
		over = over - redis.call('DEL', prefix .. live[i])
		redis.call('HDEL', KEYS[2], live[i])
	end
end

-- Logins that follow each other at once stay in order.
local function keep_order(live)
	local near = {}
	for i, other in ipairs(live) do
		if math.abs(seconds[other] - now - ttl) <= 1 then
			near[#near + 1] = ends(other)
		end
	end
	table.sort(near)
	for i, other in ipairs(near) do
		if other >= expires_ms and other < expires_ms + 100 then
			expires_ms = other + 1
		end
	end
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

-- Who may not ask how many there are does it in one step.
local count = limit > 0 and redis.pcall('HLEN', KEYS[2]) or 0
count = type(count) == 'number' and count or 1
if count > ONCE and count >= limit and not (trimmed and limit > ONCE) then
	return -1
end
if count > 0 and count <= ONCE then
	local live = live_tokens()
	end_first(live, #live - limit + 1)
	keep_order(live)
else
	forget_some()
end

-- The index outlives each of its tokens; its own life is never shortened.
local index_life = redis.call('TTL', KEYS[2])
redis.call('HSET', KEYS[2], token, string.format('%.0f', now + ttl))
redis.call('SET', KEYS[1], value, 'PXAT', string.format('%.0f', expires_ms))
local wanted = math.max(index_ttl, ttl + 1)
if index_life ~= -1 and index_life < wanted then
	redis.call('EXPIRE', KEYS[2], wanted)
end
return expires_ms
