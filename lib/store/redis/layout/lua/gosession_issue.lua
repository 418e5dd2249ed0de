#!lua
-- Start a session as gosession does, and end the user's sessions that are
-- over the limit: those that would end first, since this layout does not
-- record when a session began.
--
-- KEYS  token key, index
-- ARGV  token, value of the token key, ttl in seconds, limit (0: none), 1 if
--       that refuses, shortest life of the index in seconds, whether
--       gosession_trim has been run, handle and digest, client, how many
--       seconds it may live (0: for ever), token of a session that it replaces,
--       or '', handle and digest of that, how (past.lua)
--
-- Returns when the session ends, what stands beside it, the time, how many
-- sessions have ended and the tokens of these, of at most 1000; or -1, and
-- nothing was done, if there may be so many sessions over the limit that
-- gosession_trim has to come first; or -4, and nothing was done, if the limit
-- refuses it.

local index, how = KEYS[2], ARGV[13]
local token, value = ARGV[1], ARGV[2]
local ttl, limit, refuses = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local index_ttl, max_life = tonumber(ARGV[6]), tonumber(ARGV[10])
local trimmed, ONCE, BATCH = ARGV[7] == '1', 10000, 1000
local replaced = ARGV[11]
-- include beside_gosession.lua

if max_life > 0 then
	ttl = math.min(ttl, max_life)
end
local now = tonumber(time[1])
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

-- The user's live tokens but this one and that which it replaces; dead ones are
-- dropped.
local function live_tokens()
	local fields = redis.call('HGETALL', index)
	local live = {}
	for i = 1, #fields, 2 do
		local other = fields[i]
		seconds[other] = tonumber(fields[i + 1]) or 0
		if seconds[other] <= now and ends(other) == -2 then
			drop(other)
		elseif other ~= token and other ~= replaced and
			(seconds[other] > now and not refuses or
				ends(other) > now_ms) then
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
	first = 1
	while over > 0 and first <= #live do
		local last = math.min(first + math.min(over, BATCH) - 1, #live)
		over = over - finish_each({ unpack(live, first, last) }, 'limit')
		first = last + 1
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
	local fields = redis.call('HRANDFIELD', index, 8, 'WITHVALUES')
	for i = 1, #fields, 2 do
		if (tonumber(fields[i + 1]) or 0) < now and
			redis.call('EXISTS', prefix .. fields[i]) == 0 then
			drop(fields[i])
		end
	end
end

-- Who may not ask how many there are does it in one step.
local count = limit > 0 and redis.pcall('HLEN', index) or 0
count = type(count) == 'number' and count or 1
if count > ONCE and count >= limit and
	not (trimmed and (refuses or limit > ONCE)) then
	return -1
end
local live, over = {}, 0
if count > 0 and count <= ONCE then
	live = live_tokens()
	over = #live - limit + 1
	keep_order(live)
elseif limit > 0 and redis.call('HEXISTS', index, replaced) == 1 then
	over = count - limit
else
	over = limit > 0 and count - limit + 1 or 0
end
if over > 0 and refuses then
	return -4
end
if count == 0 or count > ONCE then
	forget_some()
end

-- What stands beside it is written first: were that denied, nothing would be
-- done.
local last = 'never'
if max_life > 0 then
	last = digits(math.max(now_ms + max_life * 1000, expires_ms))
end
local index_life = redis.call('TTL', index)
local wanted = math.max(index_ttl, ttl + 1)
put_beside(token, ARGV[8], ARGV[9], last, '-', peer, agent, wanted)
record_change(owner, 'issued', '-', ARGV[9], string.match(ARGV[8], '^%S+'), 1)
if redis.pcall('HEXISTS', index, replaced) == 1 then
	finish_each({ replaced }, 'replaced', ARGV[12])
end
end_first(live, over)

-- The index outlives each of its tokens; its own life is never shortened.
redis.call('HSET', index, token, string.format('%.0f', now + ttl))
redis.call('SET', KEYS[1], value, 'PXAT', digits(expires_ms))
if index_life ~= -1 and index_life < wanted then
	redis.call('EXPIRE', index, wanted)
end
forget_strays()
return { expires_ms, redis.call('HGET', beside, name(token)), now_ms, told.n,
	told }
