#!lua
-- Put a session in as another store had it.  One that is there stays, but
-- ends at the later of both times, and not after its end for good.
--
-- KEYS  session record, index
-- ARGV  handle, digest, issued in microseconds, expires in milliseconds,
--       client, user, how many milliseconds the index remembers an expired
--       session, when it ends for good ('-': not known, 'never'), how
--       (beside.lua)
--
-- Returns a number of enum lk_put.

local index, how = KEYS[2], ARGV[9]
local handle, digest, issued = ARGV[1], ARGV[2], ARGV[3]
local expires, memory = tonumber(ARGV[4]), tonumber(ARGV[7])
local kind, rest, last = ARGV[5], ARGV[5] .. ' ' .. ARGV[6], ARGV[8]
local NEW, LATER, KNOWN, EXPIRED, CONFLICT = 1, 2, 3, 4, 7
-- include beside.lua

local result = NEW
local record = redis.call('GET', KEYS[1])
local text = record and redis.call('HGET', beside, handle)
if text then
	last = string.match(text, '^%S+ (%S+) ')
end
if last ~= '-' and last ~= 'never' then
	expires = math.min(expires, tonumber(last))
end
if expires <= now_ms then
	return EXPIRED
end
if record then
	local began, ends, found, others =
		string.match(record, '^1 (%d+) (%d+) (%S+) (.+)$')
	if found ~= digest then
		return CONFLICT
	end
	if tonumber(ends) >= expires then
		return KNOWN
	end
	issued, rest, result = began, others, LATER
	kind = string.match(others, '^(%S+) ')
end

local ends = digits(expires)
redis.call('ZADD', index, ends, handle)
redis.call('SET', KEYS[1],
	string.format('1 %s %s %s %s', issued, ends, digest, rest),
	'PXAT', ends)
redis.call('DEL', base .. 'd:' .. handle)
if not text then
	put_beside(handle, kind, issued, last, '-', peer, agent)
end
local farthest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
local until_ms = digits(farthest[2] + memory)
redis.call('PEXPIREAT', index, until_ms)
keep_until(until_ms, kind)
return result
