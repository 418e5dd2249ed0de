"""Access tokens: made here and verified by others, and the other way round."""

import json
import shutil
import subprocess
import uuid

import pytest

from support.access import (AUDIENCE, ISSUER, Forger, access_settings,
                            keygen)
from support.place import wait_until
from support.servers import Latchkey, find_program

jwt = pytest.importorskip("jwt", reason="not installed: python3-jwt")

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3


class Issuer:
    """A store and keys, and settings that may change."""

    def __init__(self, place):
        self.place = place
        self.sign = self.keygen("first")
        self.verify = ["first.pub"]
        self.jwt = {}

    def keygen(self, name):
        return keygen(self.place, name)

    def settings(self, **others):
        values = {"sign": self.sign, "verify": [
            f"{self.place.path}/{name}" for name in self.verify],
                  **self.jwt, **others}
        return (f'store = {{ sqlite = {{ path = "{self.place.path}/s.db"; }}; '
                '};\n' + access_settings(self.sign, **values))

    def cli(self, **others):
        conf = self.place.write(f"{uuid.uuid4()}.conf",
                                self.settings(**others))
        return Latchkey(self.place, conf)

    def key(self):
        """The private key, as python3-jwt has it."""
        with open(self.sign, encoding="ascii") as file:
            return jwt.algorithms.OKPAlgorithm.from_jwk(file.read())

    def kid(self):
        return public_keys(self.cli())[-1]["kid"]


def public_keys(cli):
    return json.loads(cli.must("jwt", "jwks"))["keys"]


def read(token, keys, **options):
    """What python3-jwt says that it says."""
    kid = jwt.get_unverified_header(token)["kid"]
    key = [jwt.PyJWK(key).key for key in keys if key["kid"] == kid]
    assert len(key) == 1
    return jwt.decode(token, key[0], algorithms=["EdDSA"], issuer=ISSUER,
                      audience=AUDIENCE, options={"require": [
                          "exp", "iat", "sub", "jti", "sid"]}, **options)


@pytest.fixture
def issuer(place):
    return Issuer(place)


claims_of = Forger.claims


def test_jwt_issued_here_is_verified_by_pyjwt(issuer):
    cli = issuer.cli()
    token = cli.issue("alice", "--client", "web")
    session = json.loads(cli.must("check", token))
    access = cli.must("jwt", "issue", token, "--ttl", "60")
    header = jwt.get_unverified_header(access)
    claims = read(access, public_keys(cli))
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    assert (claims["sub"], claims["sid"]) == ("alice", session["id"])
    assert claims["client_id"] == "web"
    assert 59 <= claims["exp"] - claims["iat"] <= 60
    assert json.loads(cli.must("jwt", "verify", access)) == claims
    assert token not in json.dumps(claims)


def test_jwt_made_by_pyjwt_is_verified_here(issuer):
    cli = issuer.cli()
    session = json.loads(cli.must("check", cli.issue("alice")))
    claims = claims_of(session, aud=["other", "web"])
    headers = {"typ": "at+jwt", "kid": issuer.kid()}
    access = jwt.encode(claims, issuer.key(), "EdDSA", headers=headers)
    assert json.loads(cli.must("jwt", "verify", access)) == claims
    assert json.loads(cli.must("check", "-", stdin=access))["user"] == "alice"
    for name in claims:
        some = {key: claims[key] for key in claims if key != name}
        other = jwt.encode(some, issuer.key(), "EdDSA", headers=headers)
        result = cli.run("jwt", "verify", other)
        assert result.returncode == REFUSED and name in result.stderr, name
        assert cli.run("check", other).returncode == REFUSED


def test_jwt_is_verified_and_made_by_jose_in_node(issuer, place):
    """jose, as npm has it, pinned by tests/cli/jose/package-lock.json."""
    node = find_program("node")
    find_program("npm")
    cli = issuer.cli()
    access = cli.must("jwt", "issue", cli.issue("alice"))
    folder = place.path / "jose"
    shutil.copytree("tests/cli/jose", folder)
    if subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"],
                      cwd=folder, check=False).returncode != 0:
        pytest.skip("npm cannot fetch jose")
    with open(issuer.sign, encoding="ascii") as file:
        key = file.read()
    result = subprocess.run(
        [node, "both.mjs"], cwd=folder, capture_output=True, text=True,
        check=True, input=json.dumps({
            "jwks": json.loads(cli.must("jwt", "jwks")), "access": access,
            "key": json.loads(key), "kid": issuer.kid(), "issuer": ISSUER,
            "audience": AUDIENCE}))
    answer = json.loads(result.stdout)
    assert answer["claims"]["sub"] == "alice"
    assert answer["thumbprint"] == issuer.kid()
    assert json.loads(cli.must("jwt", "verify", answer["made"]))["jti"] == \
        "node"


def test_jwt_that_is_none_is_refused_and_the_operator_is_told_why(issuer):
    cli = issuer.cli()
    session = json.loads(cli.must("check", cli.issue("alice")))
    for name, token in Forger(issuer.sign).hostile(session).items():
        result = cli.run("jwt", "verify", token)
        assert result.returncode == REFUSED, name
        assert cli.run("check", token).returncode == REFUSED, name
        why = result.stderr.rpartition(": ")[2].strip()
        explained = cli.run("explain", "GET", "/", token).stdout
        assert why and why in explained, (name, result.stderr, explained)


def test_jwt_claims_that_a_terminal_would_obey_are_escaped(issuer):
    cli = issuer.cli()
    session = json.loads(cli.must("check", cli.issue("alice")))
    claims = claims_of(session, name="a\u009b2J\u202ecba")
    text = json.dumps(claims, ensure_ascii=False, indent=1).encode()
    forger = Forger(issuer.sign)
    said = cli.must("jwt", "verify", forger.sign(forger.header(), text))
    assert said.isascii() and "\n" not in said
    assert json.loads(said) == claims


# ---- What the store says -------------------------------------------------


def test_jwt_of_an_ended_session_is_refused_at_once(issuer):
    cli, offline = issuer.cli(), issuer.cli(check="offline")
    token = cli.issue("alice")
    access = cli.must("jwt", "issue", token)
    for one in (cli, offline):
        assert json.loads(one.must("check", access))["user"] == "alice"
    cli.must("revoke", token)
    for verb in (("check", access), ("jwt", "verify", access)):
        assert cli.run(*verb).returncode == REFUSED
    explained = cli.run("explain", "GET", "/", access)
    assert "sid" in explained.stdout and explained.returncode == REFUSED
    assert offline.run("check", access).returncode == DONE
    assert cli.run("jwt", "verify", access, "--offline").returncode == DONE


def test_jwt_of_another_sessions_user_is_refused(issuer):
    """Its signature is right, its sid is alice's, and its sub is bob."""
    cli = issuer.cli()
    session = json.loads(cli.must("check", cli.issue("alice")))
    cli.issue("bob")
    access = jwt.encode(claims_of(session, sub="bob"), issuer.key(), "EdDSA",
                        headers={"typ": "at+jwt", "kid": issuer.kid()})
    for verb in (("check", access), ("jwt", "verify", access),
                 ("jwt", "verify", access, "--offline")):
        assert cli.run(*verb).returncode == REFUSED


def test_jwt_obtains_refreshes_and_ends_nothing(issuer):
    cli = issuer.cli()
    token = cli.issue("alice")
    access = cli.must("jwt", "issue", token)
    before = cli.must("list", "alice")
    for verb in (("jwt", "issue"), ("refresh",), ("revoke",),
                 ("logout-others",)):
        assert cli.run(*verb, access).returncode == REFUSED, verb
    assert cli.must("list", "alice") == before
    session = json.loads(cli.must("check", token))
    assert cli.run("check", session["id"]).returncode == REFUSED


def test_jwt_is_verified_where_there_is_neither_store_nor_private_key(
        issuer, place):
    cli = issuer.cli()
    access = cli.must("jwt", "issue", cli.issue("alice"))
    away = Latchkey(place, place.write("away.conf", issuer.settings(
        check="offline", sign="").replace("store = {", """store = {
            backend = "redis"; redis = { address = "unix:/nonexistent"; };""")))
    assert json.loads(away.must("check", access))["user"] == "alice"
    result = away.run("jwt", "issue", cli.issue("alice"))
    assert result.returncode == STORE
    cli = issuer.cli(sign="/nonexistent/key")
    assert cli.run("check", access).returncode == DONE
    result = cli.run("jwt", "issue", cli.issue("alice"))
    assert result.returncode == USAGE and "/nonexistent/key" in result.stderr


# ---- Settings and keys ---------------------------------------------------


@pytest.mark.parametrize("wrong, words", [
    ({"audience": []}, "jwt.audience"), ({"leeway": 61}, "jwt.leeway"),
    ({"verify": ["/nonexistent"]}, "jwt.verify"), ({"ttl": 0}, "jwt.ttl"),
    ({"claims": ["sub"]}, "jwt.claims"), ({"check": "never"}, "jwt.check"),
    ({"audience": ["a b"]}, "jwt.audience")])
def test_jwt_settings_that_are_wrong_are_an_error(issuer, wrong, words):
    result = issuer.cli(**wrong).run("check", "lk_")
    assert result.returncode == USAGE and words in result.stderr


def test_jwt_private_key_in_place_of_a_public_one_is_an_error(issuer):
    issuer.verify = ["first"]
    result = issuer.cli().run("jwt", "jwks")
    assert result.returncode == USAGE and "public" in result.stderr
    assert json.load(open(issuer.sign))["d"] not in result.stderr


def test_jwt_options_out_of_their_range_are_refused(issuer):
    cli = issuer.cli()
    token = cli.issue("alice")
    for options in (("--audience", "other"), ("--ttl", "301"),
                    ("--ttl", "0")):
        assert cli.run("jwt", "issue", token, *options).returncode == USAGE
    claims = read(cli.must("jwt", "issue", token), public_keys(cli))
    assert claims["exp"] - claims["iat"] == 300
    assert cli.run("jwt", "issue", cli.must("revoke", token)).returncode == \
        REFUSED


def test_jwt_without_an_issuer_there_are_none(issuer, place):
    access = issuer.cli().must("jwt", "issue", issuer.cli().issue("alice"))
    cli = Latchkey(place, place.write("none.conf", issuer.settings(
        issuer="", verify=["/nonexistent"])))
    assert cli.run("check", access).returncode == REFUSED
    assert cli.run("jwt", "verify", access).returncode == REFUSED
    assert cli.must("jwt", "jwks") == '{"keys":[]}'
    assert cli.run("jwt", "issue", cli.issue("alice")).returncode == USAGE


def test_jwt_keys_are_changed_as_the_manual_says(issuer):
    """Nothing valid is refused, and the old key ends with ttl and leeway."""
    issuer.jwt = {"ttl": 2, "leeway": 1}
    token = issuer.cli().issue("alice")
    verifiers = [issuer.cli()]

    def all_take(access):
        return all(cli.run("check", access).returncode == DONE
                   for cli in verifiers)

    def fresh():
        return issuer.cli().must("jwt", "issue", token)

    old = fresh()
    assert all_take(old)
    # 1 and 2: the new key is known, host after host, and signs nothing.
    new_key = issuer.keygen("second")
    issuer.verify = ["first.pub", "second.pub"]
    verifiers.append(issuer.cli())
    assert all_take(fresh())
    verifiers.pop(0)
    # 3: it signs, and what the old one signed is taken.
    last = fresh()
    issuer.sign = new_key
    new = fresh()
    kids = [jwt.get_unverified_header(one)["kid"] for one in (last, new)]
    assert kids[0] != kids[1]
    assert all_take(last) and all_take(new)
    # 4: after ttl and leeway nothing of the old key is valid, and it goes.
    wait_until(lambda: not all_take(last), "the old token to be over")
    assert all_take(fresh())
    issuer.verify = ["second.pub"]
    verifiers.append(issuer.cli())
    assert all_take(fresh())
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(last, options={"verify_exp": True,
                                  "verify_signature": False})
    result = verifiers[-1].run("jwt", "verify", last)
    assert result.returncode == REFUSED and "kid" in result.stderr
