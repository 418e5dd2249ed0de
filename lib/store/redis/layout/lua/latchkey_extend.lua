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
-- It is called most of all, and most of its time is Lua's: it takes apart, and
-- makes digits of, no more than it has to.

local call, index, handle = redis.call, KEYS[2], ARGV[1]
-- include keys.lua

local record = call('GET', KEYS[1])
if not record then
	return call('ZSCORE', index, handle) and 1 or 0
end
local head, ends, rest, digest, kind =
	string.match(record, '^(1 %d+ )(%d+)( (%S+) (%S+) .+)$')
if digest ~= ARGV[2] then
	return 2
end
local time = call('TIME')
local now = time[1] .. string.sub('00000' .. time[2], -6, -4)
if ends - now <= 0 then
	return 1
end

-- The origin is peer and agent.
local text, last, origin = call('HGET', beside, handle), nil, nil
if text then
	last, origin = string.match(text, '^%S+ (%S+) %S+( %S+ .*)$')
end
last, origin = last or '-', origin or ' - '
local issued = string.sub(head, 3, -2)
if last == '-' and ARGV[5] ~= '0' then
	last = string.format('%.0f',
		math.floor(issued / 1000) + ARGV[5] * 1000)
end
local expires = now + ARGV[3] * 1000
expires = math.min(expires, tonumber(last) or expires)
if expires - now <= 0 then
	return 1
end

-- A key that has lost its end gets it back, and is none of ours until then.
local expires_ms = string.format('%.0f', expires)
if call('PEXPIREAT', KEYS[1], expires_ms, 'XX') == 0 then
	call('PEXPIREAT', KEYS[1], ends)
	return 2
end
local said = kind .. ' ' .. last .. ' ' .. now .. origin
record = head .. expires_ms .. rest
call('HSET', beside, handle, said)
local added = call('ZADD', index, expires_ms, handle)
call('SET', KEYS[1], record, 'KEEPTTL')

-- All that stands beside it lives on, for longer than it does by far: that is
-- seen to once in a thousand seconds.
local is_sooner = expires - ends < 0
if text and added == 0 and not is_sooner and
	string.sub(ends, 1, -7) == string.sub(expires_ms, 1, -7) then
	return { record, said, now }
end
-- include time.lua
local until_ms = digits(expires + ARGV[4])
if is_sooner then
	-- The index ends with the last of them.
	local farthest = call('ZRANGE', index, -1, -1, 'WITHSCORES')
	call('PEXPIREAT', index, digits(farthest[2] + ARGV[4]))
else
	outlive(index, until_ms)
end
outlive(beside, until_ms)
if kind ~= '-' then
	if not text then
		call('ZADD', base .. 'k:' .. kind, issued, handle)
	end
	outlive(base .. 'k:' .. kind, until_ms)
end
return { record, said, now }
