"""The same login page as login.php, as a view of Flask's, behind a web server
that says Host as it came, and X-Real-IP: flask --app login_flask run"""
import http.client, json, socket
from urllib.parse import urlencode
from flask import Flask, request
from werkzeug.security import check_password_hash

AGENT, COOKIE = "/run/latchkey/agent.sock", "latchkey"
PASSWORDS = {}  # as werkzeug.security.generate_password_hash() has them
app = Flask(__name__)
class Agent(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(AGENT)
def ask(verb, **fields):
    """The status and what is said; 503 if there is no answer."""
    try:
        (agent := Agent("localhost")).request(
            *(("GET", f"/v1/{verb}?{urlencode(fields)}") if verb == "sessions"
              else ("POST", f"/v1/{verb}", json.dumps(fields),
                    {"Content-Type": "application/json"})))
        answer = agent.getresponse()
        return answer.status, json.load(answer)
    except (OSError, http.client.HTTPException, ValueError):
        return 503, {}
def page(status, text, **headers):
    return text, status, {"Cache-Control": "no-store", **headers}
@app.route("/login", methods=["GET", "POST"])
def login():
    heads, form = request.headers, request.form
    token, do = request.cookies.get(COOKIE) or "none", form.get("do")
    own = heads.get("Origin", "").partition("://")[2] == request.host
    # No page of another site may log anybody in or out.
    if request.method == "POST" and heads.get("Sec-Fetch-Site", own and "none"
                                              ) not in ("none", "same-origin"):
        return page(403, "Not from there.")
    if do == "login":
        user, known = form.get("user", ""), PASSWORDS.get(form.get("user"), "")
        if not check_password_hash(known, form.get("password", "")):
            return page(401, "Wrong user or password.")
        status, said = ask("issue", user=user, client="web", replaces=token,
            url=request.args.get("url", ""), peer=heads.get("X-Real-IP", ""))
        if status != 201:
            return page(status, "You cannot log in now.")
        return page(303, "", **{"Set-Cookie": said["set_cookie"],
                                "Location": said["next"]})
    if verb := {"logout": "revoke", "logout-others": do}.get(do):
        status, said = ask(verb, token=token, reason=do)
        return page(status, f"Ended: {said.get('revoked', 'nothing')}.", **{
            "Set-Cookie": said[name] for name in said if "cookie" in name})
    status, me = ask("check", token=token)
    if status != 200:
        return page(status, "<form method=post><input name=user><input name="
                    "password type=password><button name=do value=login>Log in")
    status, all = ask("sessions", user=me["user"])
    return page(status, "Your sessions:<ul>" + "".join(
        f"<li>{s['client']} {s['id']}" for s in all) + "</ul><form method=post>"
        "<button name=do value=logout>Log out</button><button name=do "
        "value=logout-others>Elsewhere")
