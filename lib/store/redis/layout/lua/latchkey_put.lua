#!lua
-- Put a session in as another store had it.  One that is there stays, but
-- ends at the later of both times.
--
-- KEYS  session record, index
-- ARGV  handle, digest, issued in microseconds, expires in milliseconds,
--       client, user, how many milliseconds the index remembers an expired
--       session
--
-- Returns a number of enum lk_put.

local handle, digest, issued = ARGV[1], ARGV[2], ARGV[3]
local expires_ms, memory = tonumber(ARGV[4]), tonumber(ARGV[7])
local rest = ARGV[5] .. ' ' .. ARGV[6]
local NEW, LATER, KNOWN, EXPIRED, CONFLICT = 1, 2, 3, 4, 7

local time = redis.call('TIME')
if expires_ms <= time[1] * 1000 + math.floor(time[2] / 1000) then
	return EXPIRED
end

local result = NEW
local record = redis.call('GET', KEYS[1])
if record then
	local began, ends, found, others =
		string.match(record, '^1 (%d+) (%d+) (%S+) (.+)$')
	if found ~= digest then
		return CONFLICT
	end
	if tonumber(ends) >= expires_ms then
		return KNOWN
	end
	issued, rest, result = began, others, LATER
end

local ends = string.format('%.0f', expires_ms)
redis.call('ZADD', KEYS[2], ends, handle)
redis.call('SET', KEYS[1],
	string.format('1 %s %s %s %s', issued, ends, digest, rest),
	'PXAT', ends)
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', last[2] + memory))
return result
