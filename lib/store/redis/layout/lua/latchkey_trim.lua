#!lua flags=allow-oom
-- End some sessions of a user who has very many more than he may, those that
-- end first.
--
-- KEYS  index
-- ARGV  '', '', '', how many may stay, 'limit', how (beside.lua)
--
-- Returns how many sessions ended, '', and whether there are more, '' if not.

local index, how, stay = KEYS[1], ARGV[6], tonumber(ARGV[4])
local STEP = 1000
-- include beside.lua

local live = '(' .. digits(now_ms)
local over = #redis.call('ZRANGEBYSCORE', index, live, '+inf',
	'LIMIT', stay, STEP)
if over == 0 then
	return { 0, '', '' }
end
local ended = finish_each(redis.call('ZRANGEBYSCORE', index, live, '+inf',
	'LIMIT', 0, over), ARGV[5])
return { ended, '', over == STEP and '1' or '' }
