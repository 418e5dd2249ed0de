#!lua
-- Let a live session end later (or sooner), but not after its end for good;
-- never create or revive one.
--
-- KEYS  token key, index
-- ARGV  token, value of the token key, ttl in seconds, shortest life of the
--       index in seconds, handle and digest, how many seconds from now it ends
--       for good unless that is known (0: never)
--
-- Returns when the session ends, what stands beside it and the time, or -1 if it
-- has expired, or -2 if it is not known, or -3 if something else is in its
-- place.

local call, index, token = redis.call, KEYS[2], ARGV[1]
-- include keys_gosession.lua

local found = call('GET', KEYS[1])
local ends = call('HGET', index, token)
if not found or not ends then
	return ends and -1 or -2
end
if found ~= ARGV[2] then
	return -3
end
local time = call('TIME')
local now = time[1] .. string.sub('00000' .. time[2], -6, -4)

-- The origin is peer and agent.
local short = name(token)
local text, kind, last, origin = call('HGET', beside, short), nil, nil, nil
if text then
	kind, last, origin = string.match(text,
		'^%S+ %S+ (%S+) (%S+) %S+( %S+ .*)$')
end
kind, last, origin = kind or '-', last or '-', origin or ' - '
if last == '-' and ARGV[6] ~= '0' then
	last = string.format('%.0f', now + ARGV[6] * 1000)
end
local expires = now + ARGV[3] * 1000
expires = math.min(expires, tonumber(last) or expires)
if expires - now <= 0 then
	return -1
end

-- Its end for good is written first.  One that has lost its end is none of ours.
local expires_ms = string.format('%.0f', expires)
local said = ARGV[5] .. ' ' .. kind .. ' ' .. last .. ' ' .. now .. origin
call('HSET', beside, short, said)
if call('PEXPIREAT', KEYS[1], expires_ms, 'XX') == 0 then
	return -3
end
call('HSET', index, token, string.sub(expires_ms, 1, -4))

-- Both hashes live on, for longer than it does by far: that is seen to once in
-- a thousand seconds.
local wanted = math.max(ARGV[4], ARGV[3] + 1)
if not text or ARGV[3] + 1000 > wanted or
	string.sub(ends, 1, -4) ~= string.sub(expires_ms, 1, -7) then
-- include time.lua
	outlive(beside, digits(math.max(now_ms, tonumber(last) or 0) +
		wanted * 1000))
	call('EXPIRE', index, wanted, 'GT')
end
return { expires, said, tonumber(now) }
