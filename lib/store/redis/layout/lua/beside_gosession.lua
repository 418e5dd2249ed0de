-- How what stands beside sessions in layout gosession (keys_gosession.lua) is
-- changed.  A script includes it behind its local `index`, the key of the user's
-- hash, and `how`, an argument (past.lua).
-- include keys_gosession.lua
-- include now.lua
-- include past.lua
-- include ended.lua

-- Note what stands beside a session; it is kept for ${seconds}, and as long
-- again behind its end for good, if it has one.
local function put_beside(token, names, kind, ends, renewed, from, program,
	seconds)
	redis.call('HSET', beside, name(token), string.format(
		'%s %s %s %s %s %s', names, kind, ends, renewed, from, program))
	outlive(beside, digits(math.max(now_ms, tonumber(ends) or 0) +
		seconds * 1000))
end

-- Forget a token that is dead.
local function drop(token)
	redis.call('HDEL', beside, name(token))
	return redis.call('HDEL', index, token)
end

-- What gosession has ended is known here still: forget some of that, so that it
-- stays in proportion.
local function forget_strays()
	if redis.call('HLEN', beside) <= redis.call('HLEN', index) then
		return
	end
	for _, short in ipairs(redis.call('HRANDFIELD', beside, 8)) do
		if redis.call('HEXISTS', index,
			owner .. '_' .. short) == 0 then
			redis.call('HDEL', beside, short)
		end
	end
end

-- End sessions for ${reason}, and say so of those that lived; how many keys
-- went, of how many of each kind (past.lua), and how many those were.  ${given}
-- is handle and digest of the only one, or nil.  They end whatever becomes of
-- all that stands beside them.
local function finish(tokens, reason, given)
	local keys, names, ends, ended, lived = {}, {}, {}, {}, 0
	for i, token in ipairs(tokens) do
		keys[i], names[i] = prefix .. token, name(token)
		ends[i] = redis.pcall('PEXPIRETIME', keys[i])
	end
	local texts = redis.pcall('HMGET', beside, unpack(names))
	local count = redis.call('DEL', unpack(keys))
	redis.pcall('HDEL', index, unpack(tokens))
	redis.pcall('HDEL', beside, unpack(names))
	local said = say_now(reason)
	for i = 1, #tokens do
		if type(ends[i]) == 'number' and ends[i] > now_ms then
			local handle, digest, kind = string.match(
				texts[i] or given and given .. ' - ' or '',
				'^(%S+) (%S+) (%S+) ')
			leave_reason(handle or names[i], digits(ends[i]), said,
				digest or '-')
			count_ended(ended, kind or '-', handle or '-')
			lived = lived + 1
			tell(tokens[i])
		end
	end
	return count, ended, lived
end

-- The same, and each kind is an entry of the history.
local function finish_each(tokens, reason, given)
	local count, ended = finish(tokens, reason, given)
	record_ended(owner, reason, ended)
	return count
end
