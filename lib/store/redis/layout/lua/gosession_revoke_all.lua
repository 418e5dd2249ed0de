#!lua flags=allow-oom
-- End all sessions of a user: in one step, or of a user with very many in
-- several, so that nobody waits for long.
--
-- KEYS  index
-- ARGV  prefix of token keys; anything for one step however many there are, or
--       ''; where an earlier step ended, or ''; a token that is spared, or ''
--
-- Returns how many sessions ended, the second argument for doing it again
-- elsewhere, and where to go on, '' if none is left.  What is issued between
-- two steps ends as well.

local prefix, whole, at = ARGV[1], ARGV[2] ~= '', ARGV[3]
local keep = ARGV[4]
local ONCE, STEP, BATCH = 10000, 1000, 1000

-- End those of ${tokens} that are not spared; how many keys went.
local function finish(tokens)
	local ended = 0
	for i = 1, #tokens, BATCH do
		local keys, gone = {}, {}
		for j = i, math.min(i + BATCH - 1, #tokens) do
			if tokens[j] ~= keep then
				keys[#keys + 1] = prefix .. tokens[j]
				gone[#gone + 1] = tokens[j]
			end
		end
		if #keys > 0 then
			ended = ended + redis.call('DEL', unpack(keys))
			redis.call('HDEL', KEYS[1], unpack(gone))
		end
	end
	return ended
end

-- Who may not ask how many there are does it in one step.
local count = redis.pcall('HLEN', KEYS[1])
if whole or type(count) ~= 'number' or count <= ONCE then
	return { finish(redis.call('HKEYS', KEYS[1])), 'all', '' }
end

local page = redis.call('HSCAN', KEYS[1], at == '' and '0' or at,
	'COUNT', STEP)
local tokens = {}
for i = 1, #page[2], 2 do
	tokens[#tokens + 1] = page[2][i]
end
return { finish(tokens), 'all', page[1] }
