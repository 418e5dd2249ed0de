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
keep = tonumber(keep)
local HOUR_US, SORTS, LOOK = 3600000000, 20, 8

-- What is said of all that end now for ${reason}.
local function say_now(reason)
	return '1 ' .. string.sub(now_text, 1, -4) .. ' ' .. reason .. ' '
end

-- Say so of the session of ${name}, for as long as it had lived: till ${ends}.
-- It has ended even if that cannot be written.
local function leave_reason(name, ends, said, digest)
	if reasons_ms == '0' then
		return
	end
	local is_sooner = ends - now_ms < tonumber(reasons_ms)
	redis.pcall('SET', base .. 'd:' .. name, said .. digest,
		is_sooner and 'PXAT' or 'PX', is_sooner and ends or reasons_ms)
end

-- Record that ${count} sessions of ${user} began or ended, the last of which
-- is that of ${handle}.  What is like an entry begun within the hour is that
-- entry.
local function record_change(user, event, reason, kind, handle, count)
	if keep == 0 or count == 0 then
		return
	end
	local sort = event .. ' ' .. reason .. ' ' .. kind
	local list, first, at, old = sorts .. ':' .. sort, now_text, 0, nil
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
				first, count, at, old = began, count + n, nil, entry
				break
			end
		end
	end
	local length = redis.call('LPUSH', list, first .. ' ' .. now_text ..
		' ' .. count .. ' ' .. handle .. ' ' .. peer .. ' ' .. actor ..
		' ' .. (event == 'issued' and agent or ''))
	if old then
		length = length - redis.call('LREM', list, -1, old)
	end
	if length > keep then
		redis.call('LTRIM', list, 0, keep - 1)
	end
	redis.call('PEXPIRE', list, history_ms)
	local added = length == 1 and not old and
		redis.call('HSET', sorts, sort, '', '-', user) or 0
	if redis.call('PEXPIRE', sorts, history_ms, 'GT') == 0 then
		redis.call('PEXPIRE', sorts, history_ms, 'NX')
	end
	if added == 0 or redis.call('HLEN', sorts) <= SORTS + 1 then
		return
	end

	-- Of all entries there are at most as many as of SORTS full sorts.
	local all, total = {}, 0
	for _, other in ipairs(redis.call('HKEYS', sorts)) do
		local n = redis.call('LLEN', sorts .. ':' .. other)
		if n > 0 then
			all[other], total = n, total + n
		elseif other ~= '-' then
			redis.call('HDEL', sorts, other)
		end
	end
	while total > SORTS * keep do
		local oldest, since
		for other in pairs(all) do
			local last = tonumber(string.match(redis.call('LINDEX',
				sorts .. ':' .. other, -1), '^%d+ (%d+) '))
			if not since or last < since then
				oldest, since = other, last
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
