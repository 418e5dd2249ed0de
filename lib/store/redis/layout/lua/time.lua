-- What time it is, and how long things last.  A script includes it behind its
-- local `time`, what Redis answered to TIME.
local now_text = time[1] .. string.sub('00000' .. time[2], -6)
local now_us = tonumber(now_text)
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
