#!lua flags=allow-oom
-- End some sessions of a user who has very many more than he may, those that
-- end first.
--
-- KEYS  index
-- ARGV  prefix of the user's session records, '', '', how many may stay
--
-- Returns how many sessions ended, '', and whether there are more, '' if not.

local prefix, stay = ARGV[1], tonumber(ARGV[4])
local STEP = 1000

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local live = string.format('(%.0f', now_ms)

local over = #redis.call('ZRANGEBYSCORE', KEYS[1], live, '+inf',
	'LIMIT', stay, STEP)
if over == 0 then
	return { 0, '', '' }
end
local handles = redis.call('ZRANGEBYSCORE', KEYS[1], live, '+inf',
	'LIMIT', 0, over)
local keys = {}
for i, handle in ipairs(handles) do
	keys[i] = prefix .. handle
end
local ended = redis.call('DEL', unpack(keys))
redis.call('ZREM', KEYS[1], unpack(handles))
return { ended, '', over == STEP and '1' or '' }
