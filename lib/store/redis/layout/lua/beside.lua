-- What stands beside the records of a user's sessions, and is changed in the
-- same step.  A script includes it behind its local `index`, the key of the
-- user's index, and `how`, an argument: how many entries of each sort the
-- history keeps, for how many milliseconds, how many milliseconds a reason is
-- kept; peer and actor of the change, `-` if unknown; its agent, to the end.
--
-- <base>m        hash, for each handle: client, when it ends for good and when
--                it was renewed, in milliseconds, `-` if not known; peer,
--                agent.  In `-`: up to when what has expired was taken out.
-- <base>k:<kind> sorted set of handles by time of issue
-- <base>d:<handle>  why a session ended: `1 <ms> <reason> <digest>`
-- <base>h        hash: the sorts of the history, and in `-` the user
-- <base>h:<sort> list, the newest first: first and last time in microseconds,
--                count, handle, peer, actor, agent
local base = string.sub(index, 1, -2)
local beside, sorts = base .. 'm', base .. 'h'
local keep, history_ms, reasons_ms, peer, actor, agent =
	string.match(how, '^(%d+) (%d+) (%d+) (%S+) (%S+) (.*)$')
keep, history_ms, reasons_ms =
	tonumber(keep), tonumber(history_ms), tonumber(reasons_ms)
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)
local HOUR_US, SORTS, LOOK = 3600000000, 20, 8

local function digits(number)
	return string.format('%.0f', number)
end

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

-- What says what there is ends after all of it: its end never comes nearer.
local function outlive(key, ends)
	if redis.call('PEXPIRETIME', key) < tonumber(ends) then
		redis.call('PEXPIREAT', key, ends)
	end
end

-- Let it all live as long as the index, which lives until ${ends}.
local function keep_until(ends, kind)
	touched[kind] = true
	for of in pairs(touched) do
		redis.call('PEXPIREAT', base .. 'k:' .. of, ends)
	end
	outlive(beside, ends)
end

-- Of all entries there are at most as many as of SORTS full sorts.
local function trim_history()
	local all, total = {}, 0
	for _, sort in ipairs(redis.call('HKEYS', sorts)) do
		local n = redis.call('LLEN', sorts .. ':' .. sort)
		if n > 0 then
			all[sort], total = n, total + n
		elseif sort ~= '-' then
			redis.call('HDEL', sorts, sort)
		end
	end
	while total > SORTS * keep do
		local oldest, since
		for sort in pairs(all) do
			local last = tonumber(string.match(redis.call('LINDEX',
				sorts .. ':' .. sort, -1), '^%d+ (%d+) '))
			if not since or last < since then
				oldest, since = sort, last
			end
		end
		redis.call('RPOP', sorts .. ':' .. oldest)
		all[oldest], total = all[oldest] - 1, total - 1
		if all[oldest] == 0 then
			all[oldest] = nil
			redis.call('HDEL', sorts, oldest)
		end
	end
end

-- Record that ${count} sessions of ${user} began or ended, the last of which
-- is that of ${handle}.  What is like an entry begun within the hour is that
-- entry.
local function record_change(user, event, reason, kind, handle, count)
	if keep == 0 or count == 0 then
		return
	end
	local sort = string.format('%s %s %s', event, reason, kind)
	local list, first, at = sorts .. ':' .. sort, digits(now_us), 0
	while at do
		local entries = redis.call('LRANGE', list, at, at + LOOK - 1)
		at = #entries == LOOK and at + LOOK or nil
		for _, entry in ipairs(entries) do
			local began, last, n, from, by = string.match(entry,
				'^(%d+) (%d+) (%d+) %S+ (%S+) (%S+) ')
			if tonumber(last) <= now_us - HOUR_US then
				at = nil
				break
			elseif from == peer and by == actor and
				tonumber(began) > now_us - HOUR_US then
				redis.call('LREM', list, 1, entry)
				first, count, at = began, count + n, nil
				break
			end
		end
	end
	redis.call('LPUSH', list, string.format('%s %s %s %s %s %s %s', first,
		digits(now_us), digits(count), handle, peer, actor,
		event == 'issued' and agent or ''))
	redis.call('LTRIM', list, 0, keep - 1)
	redis.call('HSET', sorts, sort, '', '-', user)
	redis.call('PEXPIRE', list, history_ms)
	outlive(sorts, digits(now_ms + history_ms))
	if redis.call('HLEN', sorts) > SORTS + 1 then
		trim_history()
	end
end

-- End sessions for ${reason}, and say so of those that lived; how many keys
-- went, and of these how many of each kind, with the last of its handles.
-- They end whatever becomes of all that only says so.
local function finish(handles, reason)
	local keys, user, ended = {}, nil, {}
	for i, handle in ipairs(handles) do
		keys[i] = base .. 's:' .. handle
	end
	local records = redis.pcall('MGET', unpack(keys))
	local count = redis.call('DEL', unpack(keys))
	redis.pcall('ZREM', index, unpack(handles))
	redis.pcall('ZREM', base .. 'o', unpack(handles))
	local kinds, latest = {}, now_ms + reasons_ms
	local said = string.format('1 %.0f %s ', now_ms, reason)
	local until_ms = digits(latest)
	for i, record in ipairs(records) do
		local ends, digest, kind, whose
		if record then
			ends, digest, kind, whose = string.match(record,
				'^1 %d+ (%d+) (%S+) (%S+) (.+)$')
		end
		kinds[i] = kind
		if ends and tonumber(ends) > now_ms then
			if reasons_ms > 0 then
				redis.pcall('SET', base .. 'd:' .. handles[i],
					said .. digest, 'PXAT',
					tonumber(ends) < latest and ends or
						until_ms)
			end
			local of_kind = ended[kind]
			if not of_kind then
				of_kind = { count = 0 }
				ended[kind] = of_kind
			end
			of_kind.count = of_kind.count + 1
			of_kind.handle = handles[i]
			user = whose
		end
	end
	pcall(forget, handles, kinds)
	return count, ended, user
end

-- The same, and each kind is an entry of the history.
local function finish_each(handles, reason)
	local count, ended, user = finish(handles, reason)
	for kind, those in pairs(ended) do
		pcall(record_change, user, 'ended', reason, kind, those.handle,
			those.count)
	end
	return count
end
