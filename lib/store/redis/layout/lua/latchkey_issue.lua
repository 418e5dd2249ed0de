#!lua
-- Start a session, and end the user's oldest ones that are over the limit.
--
-- KEYS  session record, index, order
-- ARGV  handle, digest, client, user, ttl in seconds, limit (0: none),
--       prefix of the user's session records, how many milliseconds the
--       index remembers an expired session
--
-- Returns the record, or 1, and nothing was done, if so many sessions are over
-- the limit that latchkey_trim has to come first.  Doing it twice with the same
-- handle is doing it once.

local handle, digest, client, user = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local ttl, limit = tonumber(ARGV[5]), tonumber(ARGV[6])
local prefix, memory = ARGV[7], tonumber(ARGV[8])
local ONCE, STEP = 10000, 1000

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

-- Up to ${count} handles of live sessions, behind the first ${skip} by expiry.
local function live_handles(skip, count)
	return redis.call('ZRANGEBYSCORE', KEYS[2],
		string.format('(%.0f', now_ms), '+inf', 'LIMIT', skip, count)
end

local function finish(handles)
	local keys = {}
	for i, other in ipairs(handles) do
		keys[i] = prefix .. other
	end
	redis.call('ZREM', KEYS[2], unpack(handles))
	redis.call('ZREM', KEYS[3], unpack(handles))
	return redis.call('DEL', unpack(keys))
end

-- Have all of ${live} sessions in the order, which need not know them all: it
-- begins when a limit is met.  It may know some that are no more.
local function complete_order(live)
	if redis.call('ZCARD', KEYS[3]) >= live then
		return
	end
	for i, other in ipairs(live_handles(0, live)) do
		local record = redis.call('GET', prefix .. other)
		if record then
			redis.call('ZADD', KEYS[3],
				string.match(record, '^1 (%d+) ') or 0, other)
		end
	end
end

local expired = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf',
	string.format('%.0f', now_ms - memory), 'LIMIT', 0, STEP)
if #expired > 0 then
	redis.call('ZREM', KEYS[2], unpack(expired))
end

local over = limit > 0 and #live_handles(limit - 1, STEP + 1) or 0
if over > 0 and #live_handles(ONCE, 1) > 0 then
	-- Of very many sessions, those that end first are taken for the oldest.
	if over > STEP then
		return 1
	end
	finish(live_handles(0, over))
	over = 0
elseif over > 0 then
	if over > STEP then
		over = #live_handles(limit - 1, ONCE)
	end
	complete_order(over + limit - 1)
end
while over > 0 do
	local oldest = redis.call('ZRANGE', KEYS[3], 0,
		math.min(over, STEP) - 1)
	if #oldest == 0 then
		break
	end
	over = over - finish(oldest)
end

local expires_ms = string.format('%.0f', now_ms + ttl * 1000)
local issued_us = string.format('%s%06d', time[1], time[2])
local record = string.format('1 %s %s %s %s %s', issued_us, expires_ms,
	digest, client, user)
redis.call('ZADD', KEYS[2], expires_ms, handle)
redis.call('SET', KEYS[1], record, 'PXAT', expires_ms)

-- Index and order live as long as they are needed, and not longer.
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
local ends = string.format('%.0f', last[2] + memory)
redis.call('PEXPIREAT', KEYS[2], ends)
if redis.call('ZCARD', KEYS[3]) > 0 then
	redis.call('ZADD', KEYS[3], issued_us, handle)
	redis.call('PEXPIREAT', KEYS[3], ends)
end
return record
