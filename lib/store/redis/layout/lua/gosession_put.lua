#!lua
-- Put a session in as another store had it.  One that is there stays, but
-- ends at the later of both times, and not after its end for good.
--
-- KEYS  token key, index
-- ARGV  token, value of the token key, expires in milliseconds, shortest life
--       of the index in seconds, handle and digest, client, when it ends for
--       good ('-': not known, 'never'), how (past.lua)
--
-- Returns a number of enum lk_put.

local index, how = KEYS[2], ARGV[8]
local token, value, last = ARGV[1], ARGV[2], ARGV[7]
local expires_ms, index_ttl = tonumber(ARGV[3]), tonumber(ARGV[4])
local NEW, LATER, KNOWN, EXPIRED, CONFLICT = 1, 2, 3, 4, 7
-- include beside_gosession.lua

local found = redis.call('GET', KEYS[1])
local text = found and redis.call('HEXISTS', index, token) == 1 and
	redis.call('HGET', beside, name(token))
if text then
	last = string.match(text, '^%S+ %S+ %S+ (%S+) ')
end
expires_ms = math.min(expires_ms, tonumber(last) or expires_ms)
if expires_ms <= now_ms then
	return EXPIRED
end
if found and
	(found ~= value or redis.call('PEXPIRETIME', KEYS[1]) == -1) then
	return CONFLICT
end

local result = NEW
if found and redis.call('HEXISTS', index, token) == 1 then
	if redis.call('PEXPIRETIME', KEYS[1]) >= expires_ms then
		return KNOWN
	end
	result = LATER
end

local index_life = redis.call('TTL', index)
local wanted = math.max(index_ttl,
	math.ceil((expires_ms - now_ms) / 1000) + 1)
if not text then
	put_beside(token, ARGV[5], ARGV[6], last, '-', peer, agent, wanted)
end
redis.call('DEL', base .. 'd:' .. string.match(ARGV[5], '^%S+'),
	base .. 'd:' .. name(token))
redis.call('HSET', index, token, digits(math.floor(expires_ms / 1000)))
redis.call('SET', KEYS[1], value, 'PXAT', digits(expires_ms))
if index_life ~= -1 and index_life < wanted then
	redis.call('EXPIRE', index, wanted)
end
return result
