#!lua flags=allow-oom
-- End a session.  That is done whatever became of the user's index, and of all
-- that only says so.
--
-- KEYS  session record, index
-- ARGV  handle, reason, how (past.lua)
--
-- Returns how many sessions ended: 1 or 0.

local index, how, handle = KEYS[2], ARGV[3], ARGV[1]
local time, record = redis.pcall('TIME'), redis.pcall('GET', KEYS[1])
local count = redis.call('DEL', KEYS[1])
redis.pcall('ZREM', index, handle)
if time.err then
	return count
end
-- include keys.lua
-- include time.lua
-- include past.lua

redis.pcall('ZREM', base .. 'o', handle)
local ends, digest, kind, user
if type(record) == 'string' then
	ends, digest, kind, user = string.match(record,
		'^1 %d+ (%d+) (%S+) (%S+) (.+)$')
end
if ends and ends - now_ms > 0 then
	leave_reason(handle, ends, say_now(ARGV[2]), digest)
	pcall(record_change, user, 'ended', ARGV[2], kind, handle, 1)
end
if not kind then
	local text = redis.pcall('HGET', beside, handle)
	kind = type(text) == 'string' and string.match(text, '^(%S+) ')
end
if kind and kind ~= '-' then
	redis.pcall('ZREM', base .. 'k:' .. kind, handle)
end
redis.pcall('HDEL', beside, handle)
return count
