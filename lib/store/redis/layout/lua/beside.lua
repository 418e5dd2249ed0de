-- How what stands beside sessions (keys.lua) is changed.  A script includes it
-- behind its local `index`, the key of the user's index, and `how`, an argument
-- (past.lua).
-- include keys.lua
-- include now.lua
-- include past.lua
-- include ended.lua

-- Take handles out of what counts kinds, and forget what stands beside them.
-- ${kinds} has the kinds of those of which they are known.
local function forget(handles, kinds)
	local gone, unknown = {}, {}
	local function leave(kind, handle)
		gone[kind] = gone[kind] or {}
		table.insert(gone[kind], handle)
	end
	for i, handle in ipairs(handles) do
		if kinds and kinds[i] then
			leave(kinds[i], handle)
		else
			table.insert(unknown, handle)
		end
	end
	if #unknown > 0 then
		local texts = redis.call('HMGET', beside, unpack(unknown))
		for i, text in ipairs(texts) do
			local kind = text and string.match(text, '^(%S+) ')
			if kind then
				leave(kind, unknown[i])
			end
		end
	end
	for kind, those in pairs(gone) do
		redis.call('ZREM', base .. 'k:' .. kind, unpack(those))
	end
	redis.call('HDEL', beside, unpack(handles))
end

-- The sets of kinds that must live as long as the index.
local touched = {}

-- Note what stands beside a session.
local function put_beside(handle, kind, issued_us, ends, renewed, from, program)
	redis.call('HSET', beside, handle, string.format('%s %s %s %s %s', kind,
		ends, renewed, from, program))
	if kind ~= '-' then
		redis.call('ZADD', base .. 'k:' .. kind, issued_us, handle)
		touched[kind] = true
	end
end

-- Let it all live as long as the index, which lives until ${ends}.
local function keep_until(ends, kind)
	touched[kind] = kind ~= '-' or nil
	for of in pairs(touched) do
		redis.call('PEXPIREAT', base .. 'k:' .. of, ends)
	end
	outlive(beside, ends)
end

-- End sessions for ${reason}, and say so of those that lived; how many keys
-- went, of how many of each kind (past.lua), and whose they were.  They end
-- whatever becomes of all that only says so.
local function finish(handles, reason)
	local keys, user, ended = {}, nil, {}
	for i, handle in ipairs(handles) do
		keys[i] = base .. 's:' .. handle
	end
	local records = redis.pcall('MGET', unpack(keys))
	local count = redis.call('DEL', unpack(keys))
	redis.pcall('ZREM', index, unpack(handles))
	redis.pcall('ZREM', base .. 'o', unpack(handles))
	local kinds, said = {}, say_now(reason)
	for i, record in ipairs(records) do
		local ends, digest, kind, whose
		if record then
			ends, digest, kind, whose = string.match(record,
				'^1 %d+ (%d+) (%S+) (%S+) (.+)$')
		end
		kinds[i] = kind
		if ends and tonumber(ends) > now_ms then
			leave_reason(handles[i], ends, said, digest)
			tell(handles[i])
			count_ended(ended, kind, handles[i])
			user = whose
		end
	end
	pcall(forget, handles, kinds)
	return count, ended, user
end

-- The same, and each kind is an entry of the history.
local function finish_each(handles, reason)
	local count, ended, user = finish(handles, reason)
	record_ended(user, reason, ended)
	return count
end
