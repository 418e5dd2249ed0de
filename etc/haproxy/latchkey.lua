-- Ask the gate about a request, for haproxy/latchkey.cfg.
--
-- Leaves the gate's answer in txn.latchkey_status, and what it said about the
-- session in txn.latchkey_user, txn.latchkey_session and txn.latchkey_groups,
-- which are not there where a rule is public; txn.latchkey_cookie is for the
-- client.  A 401 is sent to the client then and there, with every challenge, or
-- where the gate says so a redirect to the login page.  If anything goes wrong
-- there is no status, which the configuration does not take for a yes.

-- gate.http.listen of latchkey.conf
local SOCKET = "unix@/run/latchkey/http.sock"
local TIMEOUT_MS = 3000
-- The path is what is asked.
local URL = "http://latchkey/authorize"

-- About the connection or the body, not about who asks; and what the gate is
-- told below, of which it takes each once.
local NOT_ASKED = {
	["connection"] = true, ["content-length"] = true, ["expect"] = true,
	["host"] = true, ["keep-alive"] = true, ["te"] = true,
	["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
	["x-latchkey-method"] = true, ["x-latchkey-uri"] = true,
	["x-latchkey-peer"] = true, ["x-latchkey-host"] = true,
}

-- The values of a header, from 1 on.
local function all(reply, name)
	local found, values = {}, reply.headers and reply.headers[name] or {}
	for i = 0, #values do
		found[#found + 1] = values[i]
	end
	return found
end

local function is_given(text)
	return text ~= nil and text ~= ""
end

local function refuse(txn, reply)
	local login = all(reply, "latchkey-login")[1]
	local answer = txn:reply({ status = login and 302 or 401 })
	answer:add_header("Cache-Control", "no-store")
	if login then
		answer:add_header("Location", login)
	else
		for _, challenge in ipairs(all(reply, "www-authenticate")) do
			answer:add_header("WWW-Authenticate", challenge)
		end
		answer:add_header("Content-Type", "text/plain; charset=utf-8")
		answer:set_body(reply.body or "")
	end
	txn:done(answer)
end

local function ask(txn)
	local method, uri = txn.sf:method(), txn.sf:pathq()
	if not is_given(method) or not is_given(uri) then
		return
	end
	local headers = {}
	local given = txn.http:req_get_headers()
	for name, values in pairs(given) do
		if not NOT_ASKED[name:lower()] then
			headers[name] = values
		end
	end
	-- Which site it is: a Destination of another one is refused.
	headers["host"] = { given["host"] and given["host"][0] or "latchkey" }
	headers["x-latchkey-method"] = { method }
	headers["x-latchkey-uri"] = { uri }
	headers["x-latchkey-peer"] = { txn.sf:src() }
	-- And which one HAProxy takes it for, whatever the client says; none is
	-- no host's name.
	headers["x-latchkey-host"] = { txn:get_var("txn.latchkey_host") or "_" }

	local reply = core.httpclient():get({
		url = URL, dst = SOCKET, headers = headers,
		timeout = TIMEOUT_MS,
	})
	if not reply or not reply.status then
		return
	end
	local user = all(reply, "latchkey-user")[1]
	local session = all(reply, "latchkey-session")[1]
	if reply.status == 200 and (user or session) then
		if not user or not session then
			return
		end
		txn:set_var("txn.latchkey_user", user)
		txn:set_var("txn.latchkey_session", session)
		-- With gate.headers, and any other that it names.
		local groups = all(reply, "latchkey-groups")[1]
		if groups then
			txn:set_var("txn.latchkey_groups", groups)
		end
		-- Of a session that was renewed.
		local cookie = all(reply, "set-cookie")[1]
		if cookie then
			txn:set_var("txn.latchkey_cookie", cookie)
		end
	end
	if reply.status == 401 then
		refuse(txn, reply)
	end
	txn:set_var("txn.latchkey_status", reply.status)
end

core.register_action("latchkey", { "http-req" }, ask, 0)
