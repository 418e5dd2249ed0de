#!lua flags=allow-oom
-- Forget a user's history.
--
-- KEYS  the sorts of it
--
-- Returns how many entries there were.

local count = 0
for _, sort in ipairs(redis.call('HKEYS', KEYS[1])) do
	local list = KEYS[1] .. ':' .. sort
	count = count + redis.call('LLEN', list)
	redis.call('DEL', list)
end
redis.call('DEL', KEYS[1])
return count
