#!lua flags=allow-oom
-- End all sessions of a user: in one step, or of a user with very many in
-- several, so that nobody waits for long.
--
-- KEYS  index
-- ARGV  prefix of the user's session records; time of issue in microseconds
--       after which a session is spared, for all the others in one step
--       however many they are, or ''; where an earlier step ended, or '';
--       the handle of a session that is spared, or ''
--
-- Returns how many sessions ended, the second argument for doing it again
-- elsewhere, and where to go on, '' if none is left.  Several steps spare what
-- is issued after the first of them.

local prefix, whole, at = ARGV[1], ARGV[2] ~= '', ARGV[3]
local keep = ARGV[4]
local ONCE, STEP, BATCH = 10000, 1000, 1000

local time = redis.call('TIME')
local started = string.format('%s%06d', time[1], time[2])
local newest, first = string.match(at, '^(%d+) (%d+)$')
if whole then
	newest = ARGV[2]
end

local function is_spared(handle)
	if handle == keep then
		return true
	end
	local record = newest and redis.call('GET', prefix .. handle)
	return record and (tonumber(string.match(record, '^1 (%d+) ')) or 0) >
		tonumber(newest)
end

-- End those of ${handles} that are not spared; how many keys went, and how
-- many were spared.
local function finish(handles)
	local ended, spared = 0, 0
	for i = 1, #handles, BATCH do
		local keys, gone = {}, {}
		for j = i, math.min(i + BATCH - 1, #handles) do
			if is_spared(handles[j]) then
				spared = spared + 1
			else
				keys[#keys + 1] = prefix .. handles[j]
				gone[#gone + 1] = handles[j]
			end
		end
		if #keys > 0 then
			ended = ended + redis.call('DEL', unpack(keys))
			redis.call('ZREM', KEYS[1], unpack(gone))
		end
	end
	return ended, spared
end

local count = redis.call('ZCARD', KEYS[1])
if whole or count <= ONCE then
	local ended = finish(redis.call('ZRANGE', KEYS[1], 0, -1))
	return { ended, newest or started, '' }
end

-- What is spared is passed over, and begun with again once all is passed: only
-- the step above says that none is left.
first = tonumber(first or 0)
if first >= count then
	first = 0
end
local ended, spared = finish(
	redis.call('ZRANGE', KEYS[1], first, first + STEP - 1))
newest = newest or started
return { ended, newest, string.format('%s %.0f', newest, first + spared) }
