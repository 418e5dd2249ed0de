#!lua flags=allow-oom
-- Go through a part of a user's index: drop what has expired, and, if asked
-- to, end sessions of a user who has very many more than he may, those of the
-- part that end first.
--
-- KEYS  index
-- ARGV  prefix of token keys, '', where an earlier step ended or '', how many
--       sessions may stay or -1: all
--
-- Returns how many were dropped or ended, '', and where to go on, '' if this
-- was the last part or only so many are left.

local prefix, at, stay = ARGV[1], ARGV[3], tonumber(ARGV[4])
local STEP = 500

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local page = redis.call('HSCAN', KEYS[1], at == '' and '0' or at,
	'COUNT', STEP)
local live, ends, dropped = {}, {}, 0
for i = 1, #page[2], 2 do
	local token = page[2][i]
	ends[token] = redis.call('PEXPIRETIME', prefix .. token)
	if ends[token] == -2 then
		dropped = dropped + redis.call('HDEL', KEYS[1], token)
	elseif ends[token] > now_ms then
		live[#live + 1] = token
	end
end

local over = stay < 0 and 0 or redis.call('HLEN', KEYS[1]) - stay
if over > 0 then
	table.sort(live, function (a, b) return ends[a] < ends[b] end)
end
for i = 1, math.min(over, #live) do
	redis.call('DEL', prefix .. live[i])
	dropped = dropped + redis.call('HDEL', KEYS[1], live[i])
end
local is_over = page[1] == '0' or (stay >= 0 and over <= #live)
return { dropped, '', is_over and '' or page[1] }
