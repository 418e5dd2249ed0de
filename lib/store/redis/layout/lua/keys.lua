-- What stands beside the records of a user's sessions, and is changed in the
-- same step.  A script includes it behind its local `index`, the key of the
-- user's index.
--
-- <base>m        hash, for each handle: client, when it ends for good and when
--                it was renewed, in milliseconds, `-` if not known; peer,
--                agent.  In `-`: up to when what has expired was taken out.
-- <base>k:<kind> sorted set of handles by time of issue
local base = string.sub(index, 1, -2)
local beside = base .. 'm'
