#!/usr/bin/python3
"""What the gate costs, side by side with other ways to ask for a session.

All that Debian's packages have to offer: nginx with one GET in Lua, nginx
asking a service in Go that does what gosession's CheckToken does, Apache with
mod_auth_openidc and its session in Redis.  nginx asks the gate over FastCGI,
and by HTTP.  The same page, the same Redis over TCP, in turns; rates and CPU
as bench_gate.py has them.
"""

import sys

from bench_gate import (PAGE, Bench, Case, Nginx, NginxHttp, bearer,
                        options_of, ratio, run_in_turns)
from peers.go import build_go
from peers.provider import CLIENT, SECRET, Provider
from support import http
from support.place import Daemon, Place, accepts, free_port
from support.servers import Gate, find_program, settings

GOSESSION = "alice_" + "0" * 32


class Go(Daemon):
    """The service in Go."""

    name = "redigo"

    def __init__(self, place, redis):
        super().__init__(place)
        program = build_go(place, "redigo")
        self.address = f"127.0.0.1:{free_port()}"
        self.argv = [program, self.address, redis.address]
        self.good = (0, -15)

    def ready(self):
        return accepts(self.address)


class NginxGo(Nginx):
    def guard(self, gate):
        self.http = f"upstream go {{ server {gate}; keepalive 32; }}"
        return """
            location = /_go {
              internal;
              proxy_pass http://go;
              proxy_http_version 1.1;
              proxy_set_header Connection "";
              proxy_pass_request_body off;
              proxy_set_header Content-Length "";
            }""", "auth_request /_go;"


class NginxLua(Nginx):
    """One GET of a key, on a connection that is kept."""

    module = "".join(
        f"load_module /usr/lib/nginx/modules/{name}_module.so;\n"
        for name in ("ndk_http", "ngx_http_lua"))

    def guard(self, gate):
        host, port = gate.split(":")
        return "", f"""
            access_by_lua_block {{
              local token = string.match(
                ngx.var.http_authorization or "", "^Bearer ([%w_]+)$")
              if not token then return ngx.exit(401) end
              local key = "session_" .. token
              local redis = ngx.socket.tcp()
              redis:settimeout(500)
              if not redis:connect("{host}", {port}) then
                return ngx.exit(503)
              end
              redis:send("*2\\r\\n$3\\r\\nGET\\r\\n$" .. #key .. "\\r\\n"
                         .. key .. "\\r\\n")
              local line = redis:receive()
              if line == "$-1" then
                redis:setkeepalive(60000, 64)
                return ngx.exit(401)
              end
              if not line or not redis:receive(string.sub(line, 2) + 2) then
                return ngx.exit(503)
              end
              redis:setkeepalive(60000, 64)
            }}"""


class Apache(Daemon):
    """The event MPM with one page, and what protects it."""

    modules = ()

    def protection(self, gate):
        return ""

    def __init__(self, place, name, gate=None):
        self.name = f"apache-{name}"
        super().__init__(place)
        self.port = free_port()
        folder = place.path / self.name
        folder.mkdir()
        folder.joinpath("page").write_text(PAGE)
        # Its children are somebody else, and read this alone.
        place.path.chmod(0o711)
        for module in ("mpm_event", "authn_core", "authz_core", "authz_user",
                       *self.modules):
            folder.joinpath("modules").open("a").write(
                f"LoadModule {module}_module "
                f"/usr/lib/apache2/modules/mod_{module}.so\n")
        conf = place.write(f"{self.name}.conf", f"""
            Include {folder}/modules
            User www-data
            Group www-data
            ServerName localhost
            DefaultRuntimeDir {folder}
            PidFile {folder}/pid
            ErrorLog {folder}/error.log
            Listen 127.0.0.1:{self.port}
            MaxKeepAliveRequests 0
            DocumentRoot {folder}
            {self.protection(gate) if gate else ""}
            """, 0o644)
        self.argv = [find_program("apache2"), "-f", conf, "-D", "FOREGROUND"]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def ready(self):
        return accepts(self.address)


class ApacheGate(Apache):
    modules = ("authnz_fcgi",)

    def protection(self, gate):
        return f"""
            AuthnzFcgiDefineProvider authn LATCHKEY fcgi://{gate}/
            <Location "/">
              AuthType None
              CGIPassAuth On
              AuthnzFcgiCheckAuthnProvider LATCHKEY RequireBasicAuth Off \\
                DefaultUser "" UserExpr "%{{reqenv:LATCHKEY_USER}}"
              Require valid-user
            </Location>"""


class ApacheOpenidc(Apache):
    modules = ("auth_openidc",)

    def __init__(self, place, name, redis):
        self.provider = Provider(place.path, free_port())
        super().__init__(place, name, redis)

    def protection(self, gate):
        return f"""
            OIDCProviderIssuer {self.provider.issuer}
            OIDCProviderAuthorizationEndpoint {self.provider.issuer}/authorize
            OIDCProviderTokenEndpoint {self.provider.issuer}/token
            OIDCProviderTokenEndpointAuth client_secret_post
            OIDCSSLValidateServer Off
            OIDCIDTokenSignedResponseAlg HS256
            OIDCClientID {CLIENT}
            OIDCClientSecret {SECRET}
            OIDCCryptoPassphrase {SECRET}
            OIDCRedirectURI /callback
            OIDCSessionType server-cache
            OIDCCacheType redis
            OIDCRedisCacheServer {gate}
            <Location "/">
              AuthType openid-connect
              Require valid-user
            </Location>"""

    def log_in(self):
        """The cookie of a session, got as a browser gets it."""
        def get(path, *headers):
            # Who comes to another name has to log in again.
            return http.send(self.address, http.head_of(path, [
                ("Accept", "text/html"), *headers], host=self.address))

        reply = get("/page")
        state = reply.header("Set-Cookie").split(";")[0]
        back = self.provider.sign_in(reply.header("Location"))
        reply = get(back[back.index("/callback"):], ("Cookie", state))
        cookie, = (value.split(";")[0] for value in reply.all("Set-Cookie")
                   if value.startswith("mod_auth_openidc_session="))
        return ("Cookie", cookie)


def compare(cases, ours, theirs, rate=None, cpu=None):
    name = f"{ours}-over-{theirs}"
    ratio(f"{name}.rate", cases[ours], cases[theirs], rate, "rates")
    ratio(f"{name}.cpu", cases[ours], cases[theirs], cpu)


def main():
    options = options_of(__doc__).parse_args()
    for program in ("wrk", "go"):
        find_program(program)
    with Place() as place:
        bench = Bench(place)
        redis = bench.redis
        redis.command("SET", f"session_{GOSESSION}", "user_alice",
                      "EX", "86400")
        redis.command("HSET", "session_alice", GOSESSION, "1")
        go = place.add(Go(place, redis))
        gate, tcp = bench.gates["tcp"], f"127.0.0.1:{free_port()}"
        place.write("gate-apache.conf", settings(
            redis.address, tcp, "threads = 4;") + 'log = { level = "warn"; };')
        for_apache = place.add(Gate(place, place.path / "gate-apache.conf",
                                    tcp, name="gate-apache"))

        def case(name, server, asked=None, behind=(), header=None):
            return Case(name, place.add(server(place, name, asked)),
                        [*behind, redis], header)

        openidc = place.add(ApacheOpenidc(place, "openidc", redis.address))
        theirs = bearer(GOSESSION)
        cases = {one.name: one for one in (
            case("nginx-open", Nginx),
            case("nginx-latchkey", Nginx, gate.address, [gate], bench.bearer),
            case("nginx-latchkey-http", NginxHttp, bench.http(gate.address),
                 [gate], bench.bearer),
            case("nginx-go", NginxGo, go.address, [go], theirs),
            case("nginx-lua", NginxLua, redis.address, (), theirs),
            case("apache-open", Apache),
            case("apache-latchkey", ApacheGate, tcp, [for_apache],
                 bench.bearer),
            Case("apache-openidc", openidc, [redis], openidc.log_in()))}
        run_in_turns(list(cases.values()), options)
        for one in cases.values():
            one.say()
        for ours in ("nginx-latchkey", "nginx-latchkey-http"):
            compare(cases, ours, "nginx-go", (">=", 1.8), ("<=", 0.7))
            compare(cases, ours, "nginx-lua")
        compare(cases, "apache-latchkey", "apache-openidc")
    return 0


if __name__ == "__main__":
    sys.exit(main())
