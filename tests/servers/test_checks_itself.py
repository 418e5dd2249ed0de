"""The programs of the README that verify access tokens by themselves."""

import re
import shutil
import subprocess

import pytest

from support import http
from support.access import Forger
from support.place import BUILD, PATIENCE, ROOT
from support.servers import find_program
from test_endpoints import EndpointLighttpd, Setup, answer

pytest.importorskip("jwt", reason="not installed: python3-jwt")

ISSUER, AUDIENCE = "https://id.example.org", "https://api.example.org"
JWKS = f"{ISSUER}/session/jwks"

PYTHON = """
import sys
for line in sys.stdin:
    try:
        print(user_of(line.strip()), flush=True)
    except jwt.PyJWTError:
        print("REFUSED", flush=True)
"""
NODE = """
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin }))
  console.log(await userOf(line).catch(() => "REFUSED"));
"""
GO = """package main
import ("bufio"; "crypto/ed25519"; "encoding/base64"; "encoding/json"; "errors"
  "fmt"; "io"; "net/http"; "os"; "strings"; "time")
func main() {
  reply, err := http.Get("JWKS")
  if err != nil { panic(err) }
  jwks, _ := io.ReadAll(reply.Body)
  if err = readKeys(jwks); err != nil { panic(err) }
  lines := bufio.NewScanner(os.Stdin)
  for lines.Scan() {
    user, err := userOf(lines.Text())
    if err != nil { user = "REFUSED" }
    fmt.Println(user)
  }
}
"""


def block(heading):
    """The indented lines of the README below a heading that ends in ':'."""
    text = (ROOT / "README.md").read_text()
    text = re.split(rf"{heading}[^:]*:\n\n", text)[1]
    lines = re.match(r"(?:    .*\n|\n)*", text).group()
    return lines.replace("\n    ", "\n")[4:]


def program(language):
    return block(f"[Ii]n {language} with ")


def python(place, jwks):
    path = place.write("verify.py", (program("Python") + PYTHON).replace(
        JWKS, jwks))
    return ["/usr/bin/python3", path]


def node(place, jwks):
    node, npm = find_program("node"), find_program("npm")
    folder = place.path / "node"
    shutil.copytree("tests/cli/jose", folder)
    if subprocess.run([npm, "ci", "--ignore-scripts", "--silent"], cwd=folder,
                      check=False).returncode != 0:
        pytest.skip("npm cannot fetch jose")
    place.write("node/verify.mjs", (program("Node") + NODE).replace(
        JWKS, jwks))
    return [node, folder / "verify.mjs"]


def go(place, jwks):
    folder = place.path / "go"
    folder.mkdir()
    place.write("go/go.mod", "module example.org/verify\n")
    place.write("go/main.go", GO.replace("JWKS", jwks) + program("Go"))
    subprocess.run([find_program("go"), "build", "-o", "verify"], cwd=folder,
                   check=True, timeout=5 * PATIENCE,
                   env={**place.environment(), "HOME": str(folder),
                        "GOFLAGS": "-mod=mod", "GOPROXY": "off"})
    return [folder / "verify"]


@pytest.fixture
def setup(place):
    commands, settings = block("and for whom").replace(
        "/etc/latchkey", str(place.path)).replace(
            "-g latchkey", "-g root").split("\n\njwt =")
    subprocess.run(["sh", "-ec", commands], check=True, env={
        **place.environment(), "PATH": f"{BUILD}:/usr/bin:/bin"})
    keys = place.path / "jwt" / "keys.json"
    setup = Setup(place, "", f"jwt = {settings}".replace(
        "};", f'verify = [ "{keys}" ]; }};').replace(
            f'"{AUDIENCE}"', f'"{AUDIENCE}", "other"'))
    setup.key = place.path / "jwt" / "key.json"
    shutil.copy(keys, f"{setup.key}.pub")
    return setup


@pytest.mark.parametrize("language", [python, node, go])
def test_app_of_the_readme_checks_by_itself(place, setup, language):
    front = place.add(EndpointLighttpd(place, setup.listen,
                                       ("token", "jwks")))
    argv = language(place, f"http://{front.address}/session/jwks")
    token = setup.cli.issue("alice")
    reply = http.request(front.address, "/session/token", [
        ("Authorization", f"Bearer {token}"), ("Content-Length", "0")],
        method="POST")
    assert reply.status == 200
    access = answer(setup.post("token", token))["access_token"]
    session = setup.cli.check(token)
    forger = Forger(setup.key)
    ours = {"iss": ISSUER, "aud": AUDIENCE}
    good = [forger.sign(forger.header(), forger.claims(session, **ours))]
    # What nobody sees who knows neither the store nor how ids are made, and
    # what those with the key alone could make and libraries differ on.
    beyond = ("sub", "sid", "iat", "crit")
    bad = [token, "garbage", "",
           setup.cli.must("jwt", "issue", token, "--audience", "other"),
           *(hostile for name, hostile in forger.hostile(
               session, **ours).items() if not name.startswith(beyond))]
    lines = [access, *good, *bad]
    done = subprocess.run(argv, input="\n".join(lines) + "\n", text=True,
                          capture_output=True, timeout=3 * PATIENCE,
                          env=place.environment(), check=False)
    assert done.stdout.splitlines() == (
        ["alice"] * 2 + ["REFUSED"] * len(bad)), done
