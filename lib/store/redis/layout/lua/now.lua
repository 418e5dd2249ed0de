-- What time it is for Redis.
local time = redis.call('TIME')
-- include time.lua
