-- Ask the gate about a request, for haproxy/latchkey.cfg.
--
-- Leaves the gate's answer in txn.latchkey_status, and what it said about the
-- session in txn.latchkey_user and txn.latchkey_session.  If anything goes
-- wrong there is no status, which the configuration does not take for a yes.

local SOCKET = "unix@/run/haproxy/latchkey.sock"
-- More than "timeout server" there: what times out here is tried again.
local TIMEOUT_MS = 6000

-- About the connection or the body, not about who asks.
local NOT_ASKED = {
	["connection"] = true, ["content-length"] = true, ["expect"] = true,
	["host"] = true, ["keep-alive"] = true, ["te"] = true,
	["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
	["latchkey-method"] = true, ["latchkey-uri"] = true,
	["latchkey-peer"] = true,
}

local function first(reply, name)
	local values = reply.headers and reply.headers[name]
	return values and (values[0] or values[1])
end

local function ask(txn)
	local headers = {}
	local given = txn.http:req_get_headers()
	for name, values in pairs(given) do
		if not NOT_ASKED[name:lower()] then
			headers[name] = values
		end
	end
	-- Which site it is: a Destination of another one is refused.
	headers["host"] = { given["host"] and given["host"][0] or "latchkey" }
	headers["latchkey-method"] = { txn.sf:method() }
	headers["latchkey-uri"] = { txn.sf:pathq() }
	headers["latchkey-peer"] = { txn.sf:src() }

	local reply = core.httpclient():get({
		url = "http://latchkey/", dst = SOCKET, headers = headers,
		timeout = TIMEOUT_MS,
	})
	if not reply or not reply.status then
		return
	end
	local user = first(reply, "latchkey-user")
	local session = first(reply, "latchkey-session")
	if reply.status == 200 then
		if not user or not session then
			return
		end
		txn:set_var("txn.latchkey_user", user)
		txn:set_var("txn.latchkey_session", session)
	end
	txn:set_var("txn.latchkey_challenge",
	    first(reply, "www-authenticate") or "Bearer")
	txn:set_var("txn.latchkey_status", reply.status)
end

core.register_action("latchkey", { "http-req" }, ask, 0)
