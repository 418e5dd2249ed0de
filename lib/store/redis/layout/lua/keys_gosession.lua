-- What stands beside a user's sessions in layout gosession, in keys of our own
-- that its library never names, and is changed in the same step.  A script
-- includes it behind its local `index`, the key of the user's hash.
--
-- <base>m  hash, for the last 32 digits of each token: handle, digest, client,
--          when it ends for good and when it was renewed, in milliseconds, `-`
--          if not known; peer, agent
--
-- A session that gosession issued is not in it, and so its digest is not known:
-- it leaves its reason behind under these digits, unless its token was given.
local prefix, owner = string.match(index, '^([^_]*_)(.*)$')
local base = 'latchkey-' .. index .. ':'
local beside = base .. 'm'

local function name(token)
	return string.sub(token, -32)
end
