-- What is kept of the past of a user's sessions: why they ended, and their
-- history.  A script includes it behind now.lua and its local `base`, what the keys begin
-- with that stand beside them, and `how`, an argument: how many entries of each
-- sort the history keeps, for how many milliseconds, how many milliseconds a
-- reason is kept; peer and actor of the change, `-` if unknown; its agent, to
-- the end.
--
-- <base>d:<handle>  why a session ended: `1 <ms> <reason> <digest>`
-- <base>h           hash: the sorts of the history, and in `-` the user
-- <base>h:<sort>    list, the newest first: first and last time in
--                   microseconds, count, handle, peer, actor, agent
local sorts = base .. 'h'
local keep, history_ms, reasons_ms, peer, actor, agent =
	string.match(how, '^(%d+) (%d+) (%d+) (%S+) (%S+) (.*)$')
keep, history_ms, reasons_ms =
	tonumber(keep), tonumber(history_ms), tonumber(reasons_ms)
local HOUR_US, SORTS, LOOK = 3600000000, 20, 8

-- What is said of all that end now for ${reason}.
local function say_now(reason)
	return string.format('1 %.0f %s ', now_ms, reason)
end

-- Say so of the session of ${name}, for as long as it had lived: till ${ends}.
-- It has ended even if that cannot be written.
local latest, kept_until = now_ms + reasons_ms, digits(now_ms + reasons_ms)
local function leave_reason(name, ends, said, digest)
	if reasons_ms > 0 then
		redis.pcall('SET', base .. 'd:' .. name, said .. digest, 'PXAT',
			tonumber(ends) < latest and ends or kept_until)
	end
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

-- What ended while it lived, and how many those were: as many as are told of.
local told, TOLD = { n = 0 }, 1000
local function tell(which)
	told.n = told.n + 1
	if told.n <= TOLD then
		told[told.n] = which
	end
end

-- Count a session of ${kind} in ${ended}, by kind how many ended and the handle
-- of the last.
local function count_ended(ended, kind, handle)
	local of_kind = ended[kind]
	if not of_kind then
		of_kind = { count = 0 }
		ended[kind] = of_kind
	end
	of_kind.count, of_kind.handle = of_kind.count + 1, handle
end

-- Record these: an entry for each kind.
local function record_ended(user, reason, ended)
	for kind, those in pairs(ended) do
		pcall(record_change, user, 'ended', reason, kind, those.handle,
			those.count)
	end
end

-- Record them as one entry, of several kinds.
local function record_all_ended(user, reason, count)
	if count > 0 then
		pcall(record_change, user, 'ended', reason, '-', '-', count)
	end
end
