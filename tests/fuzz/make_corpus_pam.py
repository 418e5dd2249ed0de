#!/usr/bin/python3
"""Write the first inputs of fuzz_pam to tests/fuzz/corpus/pam."""

import base64
import hashlib
from pathlib import Path

PLACE = Path(__file__).resolve().parent / "corpus/pam"
USER = b"alice"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


TAG = hashlib.sha256(USER).digest()[:16]
# Random bytes as random as they have to be here.
TOKEN = b"lk_" + base64url(TAG + bytes(range(32)))
DIGEST = hashlib.sha256(TOKEN).digest()
GO_TOKEN = b"alice_0123456789abcdef0123456789abcdef"


def bulk(text):
    return b"$%d\r\n%s\r\n" % (len(text), text)


def record(user=USER, digest=DIGEST, client=b"ssh",
           expires=b"4070908800000"):
    return b"1 1764000000000000 %s %s %s %s" % (
        expires, base64url(digest), client, user)


# What TIME answers behind the first question on a connection.
NOW = b"*2\r\n" + bulk(b"1764000001") + bulk(b"250000")
GOOD = bulk(record()) + NOW
DETAIL = bulk(b'{"id":"alice","detail":{"login":"bob","n":[1,{}]}}')


def text(reply, plan=b"000000", options=b"", user=USER, token=TOKEN):
    return b"\n".join((plan, options, user, token, reply))


def inputs():
    yield "good", text(GOOD * 3)
    yield "every-option", text(
        GOOD + GOOD, options=b"debug|silent|require_token|client=ssh|"
        b"prompt=Token: |fail_delay=1|use_first_pass|revoke_on_close")
    yield "set-user", text(bulk(record()) + DETAIL + NOW,
                           options=b"set_user|user_field=login")
    yield "mapped", text(bulk(record()) + DETAIL + NOW + GOOD, user=b"bob",
                         options=b"user_field=login")
    yield "unknown", text(b"$-1\r\n" + NOW + b"$-1\r\n")
    yield "expired", text(b"$-1\r\n" + NOW + bulk(b"1764000000000"))
    yield "over", text(bulk(record(expires=b"1764000000999")) + NOW)
    yield "no-clock", text(bulk(record()) + b"*2\r\n$1\r\nx\r\n$0\r\n\r\n")
    yield "other-user", text(bulk(record(user=b"bob")) + NOW)
    yield "other-digest", text(bulk(record(digest=bytes(32))) + NOW)
    yield "other-client", text(GOOD, options=b"client=web")
    yield "password", text(b"+PONG\r\n", token=b"correct horse")
    yield "junk", text(b"+PONG\r\n", token=b"\b\n\r\177INCORRECT")
    yield "empty", text(b"", user=b"", token=b"")
    yield "wrong-option", text(GOOD, options=b"nullok")
    yield "gosession-token", text(
        (bulk(record(digest=hashlib.sha256(GO_TOKEN).digest())) + NOW) * 2,
        token=GO_TOKEN)
    yield "loading", text(b"-LOADING Redis is loading\r\n" * 20)
    yield "noauth", text(b"-NOAUTH Authentication required.\r\n")
    yield "huge-array", text(b"*1000000000\r\n")
    yield "huge-bulk", text(b"$512000000\r\nx")
    yield "cut", text(GOOD[:40])
    yield "no-redis", text(b"junk")
    yield "memory-fails", text(GOOD, plan=b"200000")
    yield "system-fails", text(GOOD, plan=b"008100")
    yield "pam-fails", text(GOOD, plan=b"000003")


def main():
    PLACE.mkdir(parents=True, exist_ok=True)
    for name, content in inputs():
        (PLACE / name).write_bytes(content)


if __name__ == "__main__":
    main()
