#!lua flags=allow-oom
-- List the live sessions of a user, and drop what has expired.
--
-- KEYS  index
-- ARGV  prefix of token keys
--
-- Returns lines `<expiry in milliseconds> <token>` by expiry, each ended by a
-- newline.

local live = {}
for i, token in ipairs(redis.call('HKEYS', KEYS[1])) do
	local ends = redis.call('PEXPIRETIME', ARGV[1] .. token)
	if ends > 0 then
		live[#live + 1] = { token = token, ends = ends }
	elseif ends == -2 then
		redis.call('HDEL', KEYS[1], token)
	end
end
table.sort(live, function (a, b) return a.ends < b.ends end)

local lines = {}
for i, session in ipairs(live) do
	lines[i] = string.format('%.0f %s\n', session.ends, session.token)
end
return table.concat(lines)
