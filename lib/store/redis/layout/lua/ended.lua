-- What is noted of sessions that end in one step.  A script includes it behind
-- past.lua.

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
