#!lua flags=allow-oom
-- Go through a part of a user's index: drop what has expired, and, if asked
-- to, end sessions of a user who has very many more than he may, those of the
-- part that end first.
--
-- KEYS  index
-- ARGV  prefix of token keys, '', where an earlier step ended or '', how many
--       sessions may stay or -1: all, and for a limit 'limit', how (past.lua)
--
-- Returns how many were dropped or ended, '', and where to go on, '' if this
-- was the last part or only so many are left.

local index, how = KEYS[1], ARGV[6] or '0 0 0 - - '
local at, stay = ARGV[3], tonumber(ARGV[4])
local STEP = 500
-- include beside_gosession.lua

local page = redis.call('HSCAN', index, at == '' and '0' or at,
	'COUNT', STEP)
local live, ends, dropped = {}, {}, 0
for i = 1, #page[2], 2 do
	local token = page[2][i]
	ends[token] = redis.call('PEXPIRETIME', prefix .. token)
	if ends[token] == -2 then
		dropped = dropped + drop(token)
	elseif ends[token] > now_ms then
		live[#live + 1] = token
	end
end

local over = stay < 0 and 0 or redis.call('HLEN', index) - stay
local last = math.min(over, #live)
if last > 0 then
	table.sort(live, function (a, b) return ends[a] < ends[b] end)
	dropped = dropped + finish_each({ unpack(live, 1, last) }, ARGV[5])
end
local is_over = page[1] == '0' or (stay >= 0 and over <= #live)
return { dropped, '', is_over and '' or page[1] }
