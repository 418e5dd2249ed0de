"""A gate with a login: who checks passwords, and the agent that issues."""

import contextlib
import re
from pathlib import Path
from urllib.parse import urlencode

from support import fastcgi
from support.agent import Agent
from support.house import hang_up
from support.place import BUILD, Daemon, accepts, free_port
from support.site import Site
from support.servers import (Gate, Latchkey, RedisServer, find_program,
                             settings)

FORM = "application/x-www-form-urlencoded"
# Who has which password; it stands in no log.
PASSWORDS = {"alice": "correct horse & battery+staple=1%",
             "bob": "päßwörd", "root": "toor and more",
             "Carol": "another long password"}

# A user who may do little, whose name every system has.
GATE_USER = "www-data"

PAM = """auth required pam_exec.so expose_authtok quiet {script}
account required pam_permit.so
"""
# Both read a table of NAME:PASSWORD.
SCRIPT = """#!/bin/sh
grep -qxF "$PAM_USER:$(tr -d '\\0')" {table}
"""
PROGRAM = """#!/bin/sh
tr '\\0' '\\n' | {{
	IFS= read -r name
	IFS= read -r password
	read -r rest && exit 9
	case $name in
	broken) exit 3 ;;
	silent) exit 0 ;;
	slow) sleep 60 ;;
	esac
	name=$(echo "${{name%%@*}}" | tr A-Z a-z)
	grep -qxF "$name:$password" {table} || exit 1
	echo "$name"
}}
"""


def write_check(place, text):
    """A program that knows PASSWORDS."""
    table = place.write("passwords", "".join(
        f"{name}:{password}\n" for name, password in PASSWORDS.items()),
        0o644)
    path = place.write("check", text.format(table=table), 0o755)
    return path


class Saslauthd(Daemon):
    """The real one, asking PAM, with a service of ours that knows PASSWORDS,
    in a mount namespace of its own."""

    name = "saslauthd"

    def __init__(self, place):
        super().__init__(place)
        self.folder = place.path / "saslauthd"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.socket = self.folder / "mux"
        script = write_check(place, SCRIPT)
        pam = place.path / "pam.d"
        pam.mkdir()
        (pam / "latchkey").write_text(PAM.format(script=script))
        self.argv = [
            find_program("unshare"), "--mount", "sh", "-c",
            'mount --bind "$1" /etc/pam.d && shift && exec "$@"', "sh", pam,
            find_program("saslauthd"), "-a", "pam", "-m", self.folder, "-n",
            "2", "-d"]

    def ready(self):
        return self.socket.exists() and accepts(f"unix:{self.socket}")


class LoginHouse:
    """Redis, the agent and a gate that logs people in, as another user.

    `login` stands in gate.login, `gate` in gate, `rest` behind it.
    """

    def __init__(self, place, login="", gate="", rest="", checker=Saslauthd,
                 caller='clients = [ "web" ];', listen=None, show=True):
        self.place = place
        place.path.chmod(0o711)
        self.redis = place.add(RedisServer(place))
        self.checker = place.add(checker(place)) if checker else None
        agent = f"unix:{place.path}/agent.sock"
        conf = place.write("latchkeyd.conf", settings(
            self.redis.address, "127.0.0.1:1").split("gate =")[0] + (
            f'agent = {{ listen = "{agent}"; threads = 2; callers = ( '
            f'{{ users = [ "{GATE_USER}" ]; may = [ "issue" ]; {caller} }}'
            f' ); next_hosts = [ "www.example:8080" ]; }};\n'))
        self.agent = place.add(Agent(place, conf, agent))
        self.listen = listen or f"127.0.0.1:{free_port()}"
        socket = self.checker.socket if self.checker else "/nowhere"
        text = settings(
            self.redis.address, self.listen,
            f'login = {{ check = "saslauthd"; socket = "{socket}"; '
            f'timeout_ms = 10000; {login} }}; login_url = "/session/login"; '
            f'page = {{ show = {str(show).lower()}; }}; {gate}')
        text = text.replace(
            'store = {', f'store = {{ agent = {{ address = "{agent}"; '
            'user = "root"; timeout_ms = 10000; };', 1)
        # What is said twice is said by who is more particular.
        for name in ("check", "socket", "timeout_ms"):
            if re.search(rf"\b{name} =", login):
                text = re.sub(rf"(login = \{{.*?)\b{name} = [^;]*;", r"\1",
                              text, count=1)
        self.conf = place.write(
            "latchkey.conf", text + 'log = { level = "debug"; };\n' + rest,
            0o644)
        self.cli = Latchkey(place, self.conf)
        self.gate = place.add(Gate(place, self.conf, self.listen, prefix=(
            "setpriv", f"--reuid={GATE_USER}", f"--regid={GATE_USER}",
            "--clear-groups")))

    def ask(self, endpoint, body=None, method=None, peer="192.0.2.1",
            length=None, kind=FORM, **variables):
        """The answer at an endpoint; a form is encoded, bytes are not."""
        if isinstance(body, dict):
            body = urlencode(body).encode()
        method = method or ("GET" if body is None else "POST")
        parameters = {
            "REQUEST_METHOD": method, "QUERY_STRING": "",
            "REQUEST_URI": f"/session/{endpoint}",
            "REMOTE_ADDR": peer, "LATCHKEY_ENDPOINT": endpoint,
            "HTTP_HOST": "site.example", "HTTP_USER_AGENT": "a test",
            "HTTP_ACCEPT": "text/html", **variables}
        if body is not None:
            parameters["CONTENT_TYPE"] = kind
            parameters["CONTENT_LENGTH"] = str(
                len(body) if length is None else length)
            parameters.setdefault("HTTP_SEC_FETCH_SITE", "same-origin")
        return fastcgi.send(self.listen, (
            fastcgi.begin(fastcgi.RESPONDER)
            + fastcgi.stream(fastcgi.PARAMS, fastcgi.pairs(
                {name: value for name, value in parameters.items()
                 if value is not None}))
            + fastcgi.stream(fastcgi.STDIN, body or b"")), finish=False)

    def log_in(self, user="alice", password=None, url=None, **variables):
        body = {"user": user,
                "password": PASSWORDS.get(user) if password is None
                else password}
        if url is not None:
            body["url"] = url
        return self.ask("login", body, **variables)

    def cookie_of(self, reply):
        """The token that a login has set."""
        token = re.match("latchkey=(lk_[^;]+);",
                         reply.header("Set-Cookie")).group(1)
        self.cli.tokens.append(token)
        return token

    def page(self, token, query="", **variables):
        return self.ask("page", QUERY_STRING=query,
                        REQUEST_URI=f"/session/page?{query}",
                        HTTP_COOKIE=f"latchkey={token}", **variables)

    def post_page(self, token, query, **variables):
        variables.setdefault("HTTP_SEC_FETCH_SITE", "same-origin")
        return self.page(token, query, method="POST", **variables)

    def assert_no_secrets_in_logs(self):
        for name, text in self.place.logs().items():
            for secret in (*self.cli.tokens, *PASSWORDS.values()):
                assert secret not in text, name


class PeopleSite(Site):
    """The site behind web servers, where people log in; a program checks."""

    def __init__(self, place, more="", extra=""):
        self.agent = f"unix:{place.path}/agent.sock"
        super().__init__(
            place, f'login = {{ {program(place)} per_minute = 100; }}; '
            'page = { show = true; title = "The site"; }; '
            f'login_url = "/session/login"; {more}', extra)
        conf = place.write("latchkeyd.conf", settings(
            self.redis.address, "127.0.0.1:1").split("gate =")[0]
            + f'agent = {{ listen = "{self.agent}"; threads = 2; }};\n')
        place.add(Agent(place, conf, self.agent))

    @contextlib.contextmanager
    def login_at(self, url):
        """Let the login be elsewhere for a while."""
        def name(old, new):
            for gate in self.gates:
                conf = Path(gate.argv[-1])
                conf.write_text(conf.read_text().replace(
                    f'login_url = "{old}"', f'login_url = "{new}"'))
                hang_up(gate)

        name("/session/login", url)
        try:
            yield
        finally:
            name(url, "/session/login")

    def settings(self, name, listen, http=""):
        path = super().settings(name, listen, http)
        path.write_text(path.read_text().replace(
            "store = {", f'store = {{ agent = {{ address = "{self.agent}"; '
            'user = "root"; timeout_ms = 10000; };', 1))
        return path


def program(place):
    """The settings of a login that a program checks."""
    path = write_check(place, PROGRAM)
    return f'check = "exec"; command = [ "{path}", "first" ];'


def words_of(page):
    """What each button of a page asks for, without HTML's escapes."""
    return [action.replace("&amp;", "&") for action in
            re.findall(r'action="\?(end=[^"]*)"', page)]
