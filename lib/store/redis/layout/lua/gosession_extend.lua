#!lua
-- Let a live session end later (or sooner); never create or revive one.
--
-- KEYS  token key, index
-- ARGV  token, value of the token key, ttl in seconds, shortest life of the
--       index in seconds
--
-- Returns when the session ends, in milliseconds, or -1 if it has expired, or
-- -2 if it is not known, or -3 if something else is in its place.

local token, value = ARGV[1], ARGV[2]
local ttl, index_ttl = tonumber(ARGV[3]), tonumber(ARGV[4])

local found = redis.call('GET', KEYS[1])
local listed = redis.call('HEXISTS', KEYS[2], token) == 1
if not found and listed then
	return -1
end
if not found or not listed then
	return -2
end
if found ~= value or redis.call('PEXPIRETIME', KEYS[1]) == -1 then
	return -3
end

local time = redis.call('TIME')
local now = tonumber(time[1])
local expires_ms = now * 1000 + math.floor(time[2] / 1000) + ttl * 1000
local index_life = redis.call('TTL', KEYS[2])
redis.call('HSET', KEYS[2], token, string.format('%.0f', now + ttl))
redis.call('SET', KEYS[1], value, 'PXAT', string.format('%.0f', expires_ms))
local wanted = math.max(index_ttl, ttl + 1)
if index_life ~= -1 and index_life < wanted then
	redis.call('EXPIRE', KEYS[2], wanted)
end
return expires_ms
