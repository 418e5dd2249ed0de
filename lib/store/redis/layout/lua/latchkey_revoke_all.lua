#!lua flags=allow-oom
-- End all sessions of a user: in one step, or of a user with very many in
-- several, so that nobody waits for long.
--
-- KEYS  index
-- ARGV  ''; time of issue in microseconds after which a session is spared, for
--       all the others in one step however many they are, or ''; where an
--       earlier step ended, or ''; the handle of a session that is spared, or
--       ''; reason; how (beside.lua)
--
-- Returns how many sessions ended, the second argument for doing it again
-- elsewhere, and where to go on, '' if none is left.  Several steps spare what
-- is issued after the first of them.

local index, how = KEYS[1], ARGV[6]
local whole, at, own = ARGV[2] ~= '', ARGV[3], ARGV[4]
local ONCE, STEP, BATCH = 10000, 1000, 1000
-- include beside.lua

local started = string.format('%s%06d', time[1], time[2])
local newest, first = string.match(at, '^(%d+) (%d+)$')
if whole then
	newest = ARGV[2]
end

local function is_spared(handle)
	if handle == own then
		return true
	end
	local record = newest and redis.call('GET', base .. 's:' .. handle)
	return record and (tonumber(string.match(record, '^1 (%d+) ')) or 0) >
		tonumber(newest)
end

-- End those of ${handles} that are not spared; how many keys went, and how
-- many were spared.
local function finish_all(handles)
	local ended, spared, lived, user = 0, 0, 0, nil
	for i = 1, #handles, BATCH do
		local gone = {}
		for j = i, math.min(i + BATCH - 1, #handles) do
			if is_spared(handles[j]) then
				spared = spared + 1
			else
				gone[#gone + 1] = handles[j]
			end
		end
		if #gone > 0 then
			local n, kinds, whose = finish(gone, ARGV[5])
			ended, user = ended + n, whose or user
			for _, those in pairs(kinds) do
				lived = lived + those.count
			end
		end
	end
	record_all_ended(user, ARGV[5], lived)
	return ended, spared
end

local count = redis.call('ZCARD', index)
if whole or count <= ONCE then
	local ended = finish_all(redis.call('ZRANGE', index, 0, -1))
	return { ended, newest or started, '' }
end

-- What is spared is passed over, and begun with again once all is passed: only
-- the step above says that none is left.
first = tonumber(first or 0)
if first >= count then
	first = 0
end
local ended, spared = finish_all(
	redis.call('ZRANGE', index, first, first + STEP - 1))
newest = newest or started
return { ended, newest, string.format('%s %.0f', newest, first + spared) }
