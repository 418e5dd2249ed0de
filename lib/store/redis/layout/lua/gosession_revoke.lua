#!lua flags=allow-oom
-- End a session.  That is done whatever became of the user's index, and of what
-- stands beside it.
--
-- KEYS  token key, index
-- ARGV  token, handle and digest, reason, how (past.lua)
--
-- Returns how many sessions ended: 1 or 0.

local index, how, token = KEYS[2], ARGV[4], ARGV[1]
if redis.pcall('HDEL', index, token) == 0 then
	redis.call('DEL', KEYS[1])
	return 0
end
local time, ends = redis.pcall('TIME'), redis.pcall('PEXPIRETIME', KEYS[1])
local count = redis.call('DEL', KEYS[1])
if time.err then
	return count
end
-- include keys_gosession.lua
-- include time.lua
-- include past.lua

local short = name(token)
local text = redis.pcall('HGET', beside, short)
redis.pcall('HDEL', beside, short)
if type(ends) == 'number' and ends > now_ms then
	local handle, digest, kind = string.match(
		type(text) == 'string' and text or ARGV[2] .. ' - ',
		'^(%S+) (%S+) (%S+) ')
	leave_reason(handle or short, ends, say_now(ARGV[3]), digest or '-')
	pcall(record_change, owner, 'ended', ARGV[3], kind or '-',
		handle or '-', 1)
end
return count
