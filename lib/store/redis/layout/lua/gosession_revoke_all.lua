#!lua flags=allow-oom
-- End all sessions of a user: in one step, or of a user with very many in
-- several, so that nobody waits for long.
--
-- KEYS  index
-- ARGV  prefix of token keys; anything for one step however many there are, or
--       ''; where an earlier step ended, or ''; a token that is spared, or '';
--       reason; how (past.lua)
--
-- Returns how many sessions ended, the second argument for doing it again
-- elsewhere, and where to go on, '' if none is left.  What is issued between
-- two steps ends as well.

local index, how = KEYS[1], ARGV[6]
local whole, at, keep_token = ARGV[2] ~= '', ARGV[3], ARGV[4]
local ONCE, STEP, BATCH = 10000, 1000, 1000
-- include beside_gosession.lua

-- End those of ${tokens} that are not spared; how many keys went.
local function finish_all(tokens)
	local ended, lived = 0, 0
	for i = 1, #tokens, BATCH do
		local gone = {}
		for j = i, math.min(i + BATCH - 1, #tokens) do
			if tokens[j] ~= keep_token then
				gone[#gone + 1] = tokens[j]
			end
		end
		if #gone > 0 then
			local n, _, of_these = finish(gone, ARGV[5])
			ended, lived = ended + n, lived + of_these
		end
	end
	record_all_ended(owner, ARGV[5], lived)
	return ended
end

-- Who may not ask how many there are does it in one step.
local count = redis.pcall('HLEN', index)
if whole or type(count) ~= 'number' or count <= ONCE then
	return { finish_all(redis.call('HKEYS', index)), 'all', '' }
end

local page = redis.call('HSCAN', index, at == '' and '0' or at,
	'COUNT', STEP)
local tokens = {}
for i = 1, #page[2], 2 do
	tokens[#tokens + 1] = page[2][i]
end
return { finish_all(tokens), 'all', page[1] }
