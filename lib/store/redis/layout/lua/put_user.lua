#!lua
-- Cache a user's record as another store had it, unless one is cached that
-- lasts as long.
--
-- KEYS  the user's key
-- ARGV  record, expires in milliseconds
--
-- Returns a number of enum lk_put.

local expires_ms = tonumber(ARGV[2])
local NEW, KNOWN, EXPIRED = 1, 3, 4

local time = redis.call('TIME')
if expires_ms <= time[1] * 1000 + math.floor(time[2] / 1000) then
	return EXPIRED
end
local ends = redis.call('PEXPIRETIME', KEYS[1])
if ends == -1 or ends >= expires_ms then
	return KNOWN
end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', string.format('%.0f', expires_ms))
return NEW
