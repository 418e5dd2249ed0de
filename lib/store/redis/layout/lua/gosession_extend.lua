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

local index = KEYS[2]
local token, value = ARGV[1], ARGV[2]
local ttl, index_ttl, max_life =
	tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6])
-- include keys_gosession.lua
-- include now.lua

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

local short = name(token)
local text = redis.call('HGET', beside, short)
-- The origin is peer and agent.
local kind, last, origin
if text then
	kind, last, origin = string.match(text,
		'^%S+ %S+ (%S+) (%S+) %S+ (%S+ .*)$')
end
kind, last, origin = kind or '-', last or '-', origin or '- '
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
local said = ARGV[5] .. ' ' .. kind .. ' ' .. last .. ' ' .. digits(now_ms) ..
	' ' .. origin
redis.call('HSET', beside, short, said)
outlive(beside, digits(math.max(now_ms, tonumber(last) or 0) + wanted * 1000))
redis.call('HSET', index, token, digits(math.floor(expires_ms / 1000)))
redis.call('SET', KEYS[1], value, 'PXAT', digits(expires_ms))
if index_life ~= -1 and index_life < wanted then
	redis.call('EXPIRE', index, wanted)
end
return { expires_ms, said, now_ms }
