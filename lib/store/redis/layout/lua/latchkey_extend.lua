#!lua
-- Let a live session end later (or sooner), but not after its end for good;
-- never create or revive one.
--
-- KEYS  session record, index
-- ARGV  handle, digest, ttl in seconds, how many milliseconds the index
--       remembers an expired session, how many seconds after its issue it ends
--       for good unless that is known (0: never), how (beside.lua)
--
-- Returns the record, what stands beside it and the time, or 1 if the session has
-- expired, or 0 if it is not known, or 2 if something else is in its place.

local index, how = KEYS[2], ARGV[6]
local handle, digest = ARGV[1], ARGV[2]
local ttl, memory, max_life =
	tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- include beside.lua

local record = redis.call('GET', KEYS[1])
if not record then
	return redis.call('ZSCORE', index, handle) and 1 or 0
end
local issued, ends, found, kind, user =
	string.match(record, '^1 (%d+) (%d+) (%S+) (%S+) (.+)$')
if found ~= digest then
	return 2
end
if tonumber(ends) <= now_ms then
	return 1
end

-- A key that has lost its end gets it back, and is none of ours until then.
if redis.call('PEXPIREAT', KEYS[1], ends, 'NX') == 1 then
	return 2
end

local text = redis.call('HGET', beside, handle)
local last, from, program
if text then
	last, from, program = string.match(text, '^%S+ (%S+) %S+ (%S+) (.*)$')
end
last = last or '-'
if last == '-' then
	last = max_life > 0 and
		digits(math.floor(issued / 1000) + max_life * 1000) or '-'
end
local expires = now_ms + ttl * 1000
if last ~= '-' and last ~= 'never' and tonumber(last) < expires then
	expires = tonumber(last)
end
if expires <= now_ms then
	return 1
end

local expires_ms = digits(expires)
record = string.format('1 %s %s %s %s %s', issued, expires_ms, digest, kind,
	user)
local now = digits(now_ms)
local said = put_beside(handle, kind, not text and issued, last, now,
	from or '-', program or '')
redis.call('ZADD', index, expires_ms, handle)
redis.call('SET', KEYS[1], record, 'PXAT', expires_ms)

local farthest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
local until_ms = digits(farthest[2] + memory)
redis.call('PEXPIREAT', index, until_ms)
keep_until(until_ms, kind)
return { record, said, now }
