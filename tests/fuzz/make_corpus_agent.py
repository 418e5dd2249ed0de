#!/usr/bin/python3
"""Write the first inputs of fuzz_agent to tests/fuzz/corpus/agent."""

from pathlib import Path

PLACE = Path(__file__).with_name("corpus") / "agent"
FORM, JSON = 0, 4
POST, GET = 0, 1
ROOT, CHECKER, LOGIN, NOBODY, STRANGER = range(5)
TOKEN = ("lk_K9gGyX8OAK8aH8Myj6djqQE8zcPutBKxwPTfQkRwRVgUvUoL_vE3kpgZa38XUO9V")


def question(how, who, target, body=""):
    return bytes([how, who]) + target.encode() + b"\0" + body.encode()


def inputs():
    yield "check", question(FORM, CHECKER, "/v1/check",
                            f"token={TOKEN}&detail=1")
    yield "check-json", question(JSON, STRANGER, "/v1/check",
                                 f'{{"token":"{TOKEN}","detail":true}}')
    yield "check-id", question(FORM, NOBODY, "/v1/check-id", "id=" + "A" * 51)
    yield "issue", question(FORM, LOGIN, "/v1/issue",
                            "user=alice&client=web&ttl=60&peer=::1&agent=x"
                            "&url=https://app.example.org/x%3Fy")
    yield "issue-json", question(
        JSON, LOGIN, "/v1/issue", '{"user":"al\\u0069ce","client":"web",'
        '"ttl":86400,"url":"\\/x?a=%2F"}')
    yield "issue-admin", question(FORM, LOGIN, "/v1/issue",
                                  "user=admin&client=web")
    yield "refresh", question(FORM, ROOT, "/v1/refresh",
                              f"token={TOKEN}&ttl=600")
    yield "revoke", question(FORM, LOGIN, "/v1/revoke", "id=" + "A" * 51)
    yield "revoke-all", question(FORM, LOGIN, "/v1/revoke-all",
                                 "user=bob&reason=logout-all")
    yield "sessions", question(GET, LOGIN, "/v1/sessions?user=al%69ce")
    yield "user", question(JSON, NOBODY, "/v1/user",
                           '{"user":"a","detail":{"a":[1,2.5e3,null]}}')
    yield "metrics", question(GET, CHECKER, "/v1/metrics")
    yield "tricks", question(FORM, LOGIN, "/v1/issue",
                             "user=a&client=web&url=%2F%5Cevil")
    yield "twice", question(FORM, ROOT, "/v1/check", "token=x&tok%65n=y")


if __name__ == "__main__":
    PLACE.mkdir(parents=True, exist_ok=True)
    for name, data in inputs():
        (PLACE / name).write_bytes(data)
