-- What time it is for Redis, and how long things last.
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)

local function digits(number)
	return string.format('%.0f', number)
end

-- What says what there is ends after all of it: its end never comes nearer.
local function outlive(key, ends)
	-- Mostly it has an end, which is nearer.
	if redis.call('PEXPIREAT', key, ends, 'GT') == 0 then
		redis.call('PEXPIREAT', key, ends, 'NX')
	end
end
