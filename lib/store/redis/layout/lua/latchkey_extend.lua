#!lua
-- Let a live session end later (or sooner); never create or revive one.
--
-- KEYS  session record, index
-- ARGV  handle, digest, ttl in seconds, how many milliseconds the index
--       remembers an expired session
--
-- Returns the record, or 1 if the session has expired, or 0 if it is not
-- known, or 2 if something else is in its place.

local handle, digest = ARGV[1], ARGV[2]
local ttl, memory = tonumber(ARGV[3]), tonumber(ARGV[4])

local record = redis.call('GET', KEYS[1])
if not record then
	return redis.call('ZSCORE', KEYS[2], handle) and 1 or 0
end
local issued, ends, found, rest =
	string.match(record, '^1 (%d+) (%d+) (%S+) (%S+ .+)$')
if found ~= digest then
	return 2
end

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(ends) <= now_ms then
	return 1
end

-- A key that has lost its end gets it back, and is none of ours until then.
if redis.call('PEXPIREAT', KEYS[1], ends, 'NX') == 1 then
	return 2
end

local expires_ms = string.format('%.0f', now_ms + ttl * 1000)
record = string.format('1 %s %s %s %s', issued, expires_ms, digest, rest)
redis.call('ZADD', KEYS[2], expires_ms, handle)
redis.call('SET', KEYS[1], record, 'PXAT', expires_ms)

local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', last[2] + memory))
return record
