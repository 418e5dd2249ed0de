#!lua flags=no-writes
-- List the live sessions of a user.
--
-- KEYS  index
-- ARGV  prefix of the user's session records
--
-- Returns their records by expiry, each ended by a newline.

local records = {}
for i, handle in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
	local record = redis.call('GET', ARGV[1] .. handle)
	if record then
		records[#records + 1] = record .. '\n'
	end
end
return table.concat(records)
