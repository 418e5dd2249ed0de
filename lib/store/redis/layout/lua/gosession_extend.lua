#!lua
-- Let a live session end later (or sooner), but not after its end for good;
-- never create or revive one.
--
-- KEYS  token key, index
-- ARGV  token, value of the token key, ttl in seconds, shortest life of the
--       index in seconds, handle and digest, how many seconds from now it ends
--       for good unless that is known (0: never), how (past.lua)
--
-- Returns when the session ends, what stands beside it and the time, or -1 if it
-- has expired, or -2 if it is not known, or -3 if something else is in its
-- place.

local index, how = KEYS[2], ARGV[7]
local token, value = ARGV[1], ARGV[2]
local ttl, index_ttl, max_life =
	tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6])
-- include beside_gosession.lua

local found = redis.call('GET', KEYS[1])
local listed = redis.call('HEXISTS', index, token) == 1
if not found and listed then
	return -1
end
if not found or not listed then
	return -2
end
if found ~= value or redis.call('PEXPIRETIME', KEYS[1]) == -1 then
	return -3
end

local text = redis.call('HGET', beside, name(token))
local kind, last, from, program
if text then
	kind, last, from, program = string.match(text,
		'^%S+ %S+ (%S+) (%S+) %S+ (%S+) (.*)$')
end
last = last or '-'
if last == '-' and max_life > 0 then
	last = digits(now_ms + max_life * 1000)
end
local expires_ms = now_ms + ttl * 1000
expires_ms = math.min(expires_ms, tonumber(last) or expires_ms)
if expires_ms <= now_ms then
	return -1
end

local index_life = redis.call('TTL', index)
local wanted = math.max(index_ttl, ttl + 1)
local said = put_beside(token, ARGV[5], kind or '-', last, digits(now_ms),
	from or '-', program or '', wanted)
redis.call('HSET', index, token, digits(math.floor(expires_ms / 1000)))
redis.call('SET', KEYS[1], value, 'PXAT', digits(expires_ms))
if index_life ~= -1 and index_life < wanted then
	redis.call('EXPIRE', index, wanted)
end
return { expires_ms, said, now_ms }
