#!lua
-- Start a session, and end the user's oldest ones that are over the limits:
-- first that of its row of kinds, then that of all.
--
-- KEYS  session record, index, order
-- ARGV  handle, digest, client, user, ttl in seconds, how many seconds it may
--       live (0: for ever), limit of all (0: none), 1 if that refuses,
--       limit of the row (0: none), 1 if that refuses, the row's kinds,
--       handle and digest of a session that it replaces, or '', how many
--       milliseconds the index remembers an expired session, how (beside.lua)
--
-- Returns the record, what stands beside it, the time, how many sessions have
-- ended and the handles of these, of at most 1000; or 1, and nothing was done, if so many sessions are over the limit that latchkey_trim has to come
-- first; or 3, and nothing was done, if a limit refuses it.

local index, order, how = KEYS[2], KEYS[3], ARGV[14]
local handle, digest, client, user = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local ttl, max_life = tonumber(ARGV[5]), tonumber(ARGV[6])
local limit, refuses = tonumber(ARGV[7]), ARGV[8] == '1'
local row_max, row_refuses = tonumber(ARGV[9]), ARGV[10] == '1'
local kinds, memory = {}, tonumber(ARGV[13])
local ONCE, STEP = 10000, 1000
-- include beside.lua

for kind in string.gmatch(ARGV[11], '%S+') do
	kinds[#kinds + 1] = base .. 'k:' .. kind
end

local function count_live()
	return redis.call('ZCOUNT', index, '(' .. digits(now_ms), '+inf')
end

-- Up to ${count} handles of live sessions, those that end first.
local function live_handles(count)
	return redis.call('ZRANGEBYSCORE', index, '(' .. digits(now_ms), '+inf',
		'LIMIT', 0, count)
end

-- What has expired since the last time counts no more for its kind.
local function leave_kinds()
	local done = redis.call('HGET', beside, '-') or '-inf'
	repeat
		local gone = redis.call('ZRANGEBYSCORE', index, '(' .. done,
			digits(now_ms), 'WITHSCORES', 'LIMIT', 0, STEP)
		local handles = {}
		for i = 1, #gone, 2 do
			handles[#handles + 1], done = gone[i], gone[i + 1]
		end
		if #handles > 0 then
			forget(handles)
		end
	until #handles < STEP
	redis.call('HSET', beside, '-', digits(now_ms))
end

-- Programs that know nothing of kinds begin and end sessions as well: if there
-- are not as many as stand here, count them anew.
local function count_anew(live)
	if live > ONCE or redis.call('HLEN', beside) - 1 == live then
		return
	end
	local lives, stale = {}, {}
	for _, other in ipairs(live_handles(live)) do
		lives[other] = true
		if redis.call('HEXISTS', beside, other) == 0 then
			local record = redis.call('GET', base .. 's:' .. other)
			local issued, kind = string.match(record or '',
				'^1 (%d+) %d+ %S+ (%S+) ')
			if issued then
				put_beside(other, kind, issued, '-', '-', '-', '')
			end
		end
	end
	for _, other in ipairs(redis.call('HKEYS', beside)) do
		if other ~= '-' and not lives[other] then
			stale[#stale + 1] = other
		end
	end
	for i = 1, #stale, STEP do
		forget({ unpack(stale, i, math.min(i + STEP - 1, #stale)) })
	end
end

-- The ${count} oldest of the row's sessions, but for ${spared}.
local function oldest_of_row(count, spared)
	local all, handles = {}, {}
	for _, kind in ipairs(kinds) do
		local some = redis.call('ZRANGE', kind, 0, count, 'WITHSCORES')
		for i = 1, #some, 2 do
			if some[i] ~= spared then
				all[#all + 1] = { some[i], tonumber(some[i + 1]) }
			end
		end
	end
	table.sort(all, function(a, b)
		return a[2] < b[2] or a[2] == b[2] and a[1] < b[1]
	end)
	for i = 1, math.min(count, #all) do
		handles[i] = all[i][1]
	end
	return handles
end

-- Have all of ${live} sessions in the order, which need not know them all: it
-- begins when a limit is met.  It may know some that are no more.
local function complete_order(live)
	if redis.call('ZCARD', order) >= live then
		return
	end
	for i, other in ipairs(live_handles(live)) do
		local record = redis.call('GET', base .. 's:' .. other)
		if record then
			redis.call('ZADD', order,
				string.match(record, '^1 (%d+) ') or 0, other)
		end
	end
end

leave_kinds()
local live = count_live()
count_anew(live)

-- The session that it replaces, if that lives.
local replaced, digest_of = string.match(ARGV[12], '^(%S+) (%S+)$')
local old = replaced and redis.call('GET', base .. 's:' .. replaced)
local ends_of, found, kind_of = string.match(old or '',
	'^1 %d+ (%d+) (%S+) (%S+) ')
if not ends_of or found ~= digest_of or tonumber(ends_of) <= now_ms then
	replaced = nil
end

local row = 0
for _, kind in ipairs(kinds) do
	row = row + redis.call('ZCARD', kind)
	if replaced and kind == base .. 'k:' .. kind_of then
		row = row - 1
	end
end
local row_over = row_max > 0 and math.max(0, row - row_max + 1) or 0
local left = live - row_over - (replaced and 1 or 0)
if row_over > 0 and row_refuses or limit > 0 and refuses and left >= limit then
	return 3
end
if limit > 0 and left - limit + 1 > STEP and left > ONCE then
	return 1
end

local expired = redis.call('ZRANGEBYSCORE', index, '-inf',
	digits(now_ms - memory), 'LIMIT', 0, STEP)
if #expired > 0 then
	redis.call('ZREM', index, unpack(expired))
end
if replaced then
	finish_each({ replaced }, 'replaced')
end
while row_over > 0 do
	local victims = oldest_of_row(math.min(row_over, STEP))
	if #victims == 0 then
		break
	end
	finish_each(victims, 'limit')
	row_over = row_over - #victims
end

left = count_live()
local over = limit > 0 and math.min(left - limit + 1, ONCE) or 0
if over > 0 and left > ONCE then
	-- Of very many sessions, those that end first are taken for the oldest.
	finish_each(live_handles(over), 'limit')
	over = 0
elseif over > 0 then
	complete_order(over + limit - 1)
end
while over > 0 do
	local oldest = redis.call('ZRANGE', order, 0, math.min(over, STEP) - 1)
	if #oldest == 0 then
		break
	end
	over = over - finish_each(oldest, 'limit')
end

local ends, expires = 'never', now_ms + ttl * 1000
if max_life > 0 then
	ends = digits(now_ms + max_life * 1000)
	expires = math.min(expires, now_ms + max_life * 1000)
end
local issued_us = string.format('%s%06d', time[1], time[2])
local record = string.format('1 %s %s %s %s %s', issued_us, digits(expires),
	digest, client, user)
redis.call('ZADD', index, digits(expires), handle)
redis.call('SET', KEYS[1], record, 'PXAT', digits(expires))
put_beside(handle, client, issued_us, ends, '-', peer, agent)
record_change(user, 'issued', '-', client, handle, 1)

-- Index and order live as long as they are needed, and not longer.
local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
local until_ms = digits(last[2] + memory)
redis.call('PEXPIREAT', index, until_ms)
keep_until(until_ms, client)
if redis.call('ZCARD', order) > 0 then
	redis.call('ZADD', order, issued_us, handle)
	redis.call('PEXPIREAT', order, until_ms)
end
return { record, redis.call('HGET', beside, handle), digits(now_ms), told.n, told }
