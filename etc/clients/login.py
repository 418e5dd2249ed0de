#!/usr/bin/python3
"""The same login page as login.php, as CGI, by Python's standard library."""
import hashlib, hmac, html, http.client, json, os, socket, sys
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode

AGENT, COOKIE = "/run/latchkey/agent.sock", "latchkey"
PASSWORDS = {}  # by user: salt, and scrypt (n=16384, r=8, p=1) in hex
class Agent(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(AGENT)
def ask(verb, **fields):
    """The status and what is said; 503 if there is no answer."""
    try:
        (agent := Agent("localhost")).request(
            *(("GET", f"/v1/{verb}?{urlencode(fields)}")
              if verb == "sessions" else
              ("POST", f"/v1/{verb}", json.dumps(fields),
               {"Content-Type": "application/json"})))
        answer = agent.getresponse()
        return answer.status, json.load(answer)
    except (OSError, http.client.HTTPException, ValueError):
        return 503, {}
def page(status, text, *headers):
    sys.exit(print(f"Status: {status}", "Content-Type: text/html",
                   "Cache-Control: no-store", *headers, "", text, sep="\n"))
env = os.environ.get
form = dict(parse_qsl(sys.stdin.read(int(env("CONTENT_LENGTH") or 0))))
cookie = SimpleCookie(env("HTTP_COOKIE", "")).get(COOKIE)
token, do = cookie and cookie.value or "none", form.get("do")
own = env("HTTP_ORIGIN", "").partition("://")[2] == env("HTTP_HOST") and "none"
# No page of another site may log anybody in or out.
if do and env("HTTP_SEC_FETCH_SITE", own) not in ("none", "same-origin"):
    page(403, "Not from there.")
if do == "login":
    user, password = form.get("user", ""), form.get("password", "").encode()
    salt, known = PASSWORDS.get(user, ("", ""))
    found = hashlib.scrypt(password, salt=salt.encode(), n=16384, r=8, p=1)
    hmac.compare_digest(found.hex(), known) or page(401, "Wrong password.")
    status, said = ask("issue", user=user, client="web", replaces=token,
                       url=dict(parse_qsl(env("QUERY_STRING", ""))).get(
                           "url", ""), peer=env("REMOTE_ADDR", ""))
    status == 201 or page(status, "You cannot log in now.")
    page(303, "", "Set-Cookie: " + said["set_cookie"],
         "Location: " + said["next"])
if do in ("logout", "logout-others"):
    status, said = ask({"logout": "revoke"}.get(do, do), token=token, reason=do)
    page(status, f"Ended: {said.get('revoked', 'nothing')}.",
         *(f"Set-Cookie: {said[name]}" for name in said if "cookie" in name))
status, me = ask("check", token=token)
if status != 200:
    page(status, "<form method=post><input name=user><input name=password "
         "type=password><button name=do value=login>Log in</button></form>")
status, all = ask("sessions", user=me["user"])
page(status, "Your sessions:<ul>" + "".join(
    f"<li>{html.escape(s['client'] + ' ' + s['id'])}" for s in all) +
    "</ul><form method=post><button name=do value=logout>Log out</button>"
    "<button name=do value=logout-others>Elsewhere</button></form>")
