#!lua
-- Put a session in as another store had it.  One that is there stays, but
-- ends at the later of both times.
--
-- KEYS  token key, index
-- ARGV  token, value of the token key, expires in milliseconds, shortest life
--       of the index in seconds
--
-- Returns a number of enum lk_put.

local token, value = ARGV[1], ARGV[2]
local expires_ms, index_ttl = tonumber(ARGV[3]), tonumber(ARGV[4])
local NEW, LATER, KNOWN, EXPIRED, CONFLICT = 1, 2, 3, 4, 7

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if expires_ms <= now_ms then
	return EXPIRED
end

local result = NEW
local found = redis.call('GET', KEYS[1])
if found and
	(found ~= value or redis.call('PEXPIRETIME', KEYS[1]) == -1) then
	return CONFLICT
end
if found and redis.call('HEXISTS', KEYS[2], token) == 1 then
	if redis.call('PEXPIRETIME', KEYS[1]) >= expires_ms then
		return KNOWN
	end
	result = LATER
end

local index_life = redis.call('TTL', KEYS[2])
redis.call('HSET', KEYS[2], token,
	string.format('%.0f', math.floor(expires_ms / 1000)))
redis.call('SET', KEYS[1], value, 'PXAT', string.format('%.0f', expires_ms))
local wanted = math.max(index_ttl,
	math.ceil((expires_ms - now_ms) / 1000) + 1)
if index_life ~= -1 and index_life < wanted then
	redis.call('EXPIRE', KEYS[2], wanted)
end
return result
