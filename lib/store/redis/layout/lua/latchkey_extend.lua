#!lua
-- Let a live session end later (or sooner), but not after its end for good;
-- never create or revive one.
--
-- KEYS  session record, index
-- ARGV  handle, digest, ttl in seconds, how many milliseconds the index
--       remembers an expired session, how many seconds after its issue it ends
--       for good unless that is known (0: never)
--
-- Returns the record, what stands beside it and the time, or 1 if the session has
-- expired, or 0 if it is not known, or 2 if something else is in its place.
--
-- It is called most of all, and most of its time is Lua's: it takes apart no
-- more than it has to.

local index = KEYS[2]
local handle, digest = ARGV[1], ARGV[2]
-- include keys.lua
-- include now.lua

local record = redis.call('GET', KEYS[1])
if not record then
	return redis.call('ZSCORE', index, handle) and 1 or 0
end
-- The rest of it is the digest, the client and the user.
local issued, ends, rest = string.match(record, '^1 (%d+) (%d+) (.+)$')
local kind = issued and string.sub(rest, 1, #digest + 1) == digest .. ' ' and
	string.match(rest, '^(%S+) .', #digest + 2)
if not kind then
	return 2
end
if tonumber(ends) <= now_ms then
	return 1
end

-- A key that has lost its end gets it back, and is none of ours until then.
if redis.call('PEXPIREAT', KEYS[1], ends, 'NX') == 1 then
	return 2
end

local text, max_life = redis.call('HGET', beside, handle), tonumber(ARGV[5])
-- The origin is peer and agent.
local last, origin
if text then
	last, origin = string.match(text, '^%S+ (%S+) %S+ (%S+ .*)$')
end
last, origin = last or '-', origin or '- '
if last == '-' and max_life > 0 then
	last = digits(math.floor(issued / 1000) + max_life * 1000)
end
local expires = now_ms + ARGV[3] * 1000
expires = math.min(expires, tonumber(last) or expires)
if expires <= now_ms then
	return 1
end

local expires_ms = digits(expires)
local now = time[1] .. string.sub('00000' .. time[2], -6, -4)
record = '1 ' .. issued .. ' ' .. expires_ms .. ' ' .. rest
local said = kind .. ' ' .. last .. ' ' .. now .. ' ' .. origin
redis.call('HSET', beside, handle, said)
redis.call('ZADD', index, expires_ms, handle)
redis.call('SET', KEYS[1], record, 'PXAT', expires_ms)

local until_ms = digits(expires + ARGV[4])
if expires < tonumber(ends) then
	-- The index ends with the last of them.
	local farthest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
	redis.call('PEXPIREAT', index, digits(farthest[2] + ARGV[4]))
else
	outlive(index, until_ms)
end
outlive(beside, until_ms)
if kind ~= '-' then
	if not text then
		redis.call('ZADD', base .. 'k:' .. kind, issued, handle)
	end
	outlive(base .. 'k:' .. kind, until_ms)
end
return { record, said, now }
