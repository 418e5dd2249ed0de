"""Access tokens: their keys, the settings that name them, and forged ones."""

import base64
import json
import subprocess
import time

from support.place import BUILD

ISSUER, AUDIENCE = "https://id.example", "api"


def keygen(place, name):
    """A new private key; its public half is beside it, NAME.pub."""
    bare = place.write("bare.conf", 'log = { level = "warn"; };')
    path = f"{place.path}/{name}"
    place.write(f"{name}.pub", subprocess.run(
        [BUILD / "latchkey", "-c", bare, "jwt", "keygen", path], check=True,
        capture_output=True, text=True).stdout, 0o644)
    return path


def access_settings(key, *verify, **others):
    """The group `jwt`; without `verify` the public half of the key signs."""
    values = {"issuer": ISSUER, "audience": [AUDIENCE, "web"], "sign": key,
              "verify": list(verify) or [f"{key}.pub"], **others}
    return "jwt = { " + " ".join(f"{key} = {json.dumps(value)};"
                                 for key, value in values.items()) + " };\n"


def b64(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Forger:
    """Makes tokens with a private key of ours, right ones and others."""

    def __init__(self, path):
        from cryptography.hazmat.primitives.asymmetric import ed25519
        with open(path, encoding="ascii") as file:
            jwk = json.load(file)
        self.key = ed25519.Ed25519PrivateKey.from_private_bytes(
            base64.urlsafe_b64decode(jwk["d"] + "="))
        with open(f"{path}.pub", encoding="ascii") as file:
            self.kid = json.load(file)["kid"]

    def header(self, **others):
        return {"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid, **others}

    @staticmethod
    def claims(session, **others):
        now = int(time.time())
        return {"iss": ISSUER, "aud": AUDIENCE, "sub": session["user"],
                "sid": session["id"], "client_id": session["client"] or "-",
                "jti": "1", "iat": now, "exp": now + 60, **others}

    def of_length(self, session, length):
        """A good token of so many bytes, or None."""
        for spaces in range(3):
            header = json.dumps(self.header()) + " " * spaces
            claims = self.claims(session, pad="")
            over = length - len(self.sign(header.encode(), claims))
            for pad in range(max(over * 3 // 4 - 3, 0), over * 3 // 4 + 4):
                claims["pad"] = "x" * pad
                token = self.sign(header.encode(), claims)
                if len(token) == length:
                    return token
        return None

    def sign(self, header, claims):
        text = f"{b64(header)}.{b64(claims)}"
        return f"{text}.{b64(self.key.sign(text.encode()))}"

    def hostile(self, session, **others):
        """Tokens that look like one and are none, by what is wrong."""
        now = int(time.time())
        header, claims = self.header(), self.claims(session, **others)
        good = self.sign(header, claims)
        head, body, signature = good.split(".")
        wrong = {"alg none": self.sign(self.header(alg="none"), claims),
                 "alg HS256": self.sign(self.header(alg="HS256"), claims),
                 "kid": self.sign(self.header(kid="A" * 43), claims),
                 "typ": self.sign(self.header(typ="JWT"), claims),
                 "crit": self.sign(self.header(crit=["exp"]), claims),
                 "signature": f"{head}.{body}.{'A' * 86}",
                 "short signature": f"{head}.{body}.AAAA",
                 "other claims": f"{head}.{b64({**claims, 'sub': 'bob'})}."
                                 f"{signature}",
                 "twice": self.sign(header, b'{"sub":"a","sub":"b"}'),
                 "no JSON": self.sign(header, b"\xff")}
        for name, value in (("iss", "https://evil.example"), ("aud", "x"),
                            ("aud", []), ("sub", "bob"), ("sid", "x"),
                            ("exp", now - 3600), ("nbf", now + 3600),
                            ("iat", now + 3600)):
            wrong[f"{name} {value}"] = self.sign(header,
                                                 {**claims, name: value})
        return wrong
