#!/usr/bin/python3
"""Write the first inputs of fuzz_reply to tests/fuzz/corpus/reply."""

from pathlib import Path

PLACE = Path(__file__).with_name("corpus") / "reply"
CHECK, CHECK_ID, ISSUE, LIST, COUNT, USER, DELETED, HISTORY = range(8)
HEADED, DETAIL = 0x80, 0x40
TOKEN = ("lk_K9gGyX8OAK8aH8Myj6djqd1apLwpu1WU0OZnbjucejZ8K3G2CppPI6OErCzrIIV5")
ID = "voc2ffW-mH1rwhfFf7yhcyvYBsl_DgCvGh_DMo-nY6k"
TIMES = ('"issued_at":1795807029,"expires_at":1796411830,"ttl":604800,'
         '"peer":"::1","agent":null,"renewed_at":null,"ends_by":1796411830')
SESSION = f'{{"user":"alice","id":"{ID}","client":"web",{TIMES}}}'
DETAILED = SESSION[:-1] + ',"detail":{"roles":["admin"]}}'


def answer(body, status="200 OK", headers=""):
    return (f"HTTP/1.1 {status}\r\nDate: Fri, 27 Nov 2026 19:17:09 GMT\r\n"
            f"{headers}Content-Length: {len(body)}\r\n\r\n{body}")


def said(status, message="it is refused"):
    return f'{{"status":"{status}","message":"{message}"}}\n'


def inputs():
    yield "check", CHECK, answer(SESSION + "\n")
    yield "check-detail", CHECK | DETAIL, answer(DETAILED)
    yield "check-null", HEADED | CHECK | DETAIL, (
        SESSION[:-1] + ',"detail":null}')
    yield "check-id", HEADED | CHECK_ID, SESSION
    yield "check-other", HEADED | CHECK, SESSION.replace("alice", "admin")
    yield "issue", ISSUE, answer(
        f'{{"token":"{TOKEN}","id":"{ID}",{TIMES},"set_cookie":"x",'
        f'"next":"/","ended":["{ID}"]}}', "201 Created")
    yield "issue-none", ISSUE, answer(
        f'{{"token":"{TOKEN}","id":"{ID}",{TIMES},"ended":[]}}',
        "201 Created")
    yield "list", LIST, answer(f"[{SESSION},\n{SESSION}]\n",
                               headers="Latchkey-Sessions: 2\r\n")
    yield "list-empty", HEADED | LIST, "[]\n"
    yield "count", COUNT, answer('{"revoked":1}\n')
    yield "not-durable", COUNT, answer('{"revoked":3,"durable":false}\n',
                                       "202 Accepted")
    yield "user", HEADED | USER, '{"id":"alice","detail":{"n":1e3}}\n'
    yield "deleted", HEADED | DELETED, '{"deleted":true}\n'
    yield "history", HISTORY, answer(
        '[{"time":1795807030,"event":"ended","id":null,"client":null,'
        '"reason":"logout-all","peer":null,"agent":null,"actor":"gate",'
        f'"count":2}},\n{{"time":1795807029,"event":"issued","id":"{ID}",'
        '"client":"web","reason":null,"peer":"::1","agent":"Browser 1",'
        '"actor":"agent:33","count":1}]\n')
    yield "expired", CHECK, answer(said("expired"), "401 Unauthorized")
    yield "ended", CHECK, answer(
        said("unknown")[:-2] + ',"reason":"logout-all"}\n',
        "401 Unauthorized")
    yield "no-row", CHECK, answer(said("settings are wrong", "no row"),
                                  "403 Forbidden", "Connection: close\r\n")
    yield "rate", CHECK, answer(said("over a limit"), "429 Too Many Requests",
                                "Retry-After: 5\r\n")
    yield "store", CHECK, answer(said("no answer in time"),
                                 "503 Service Unavailable")
    yield "chunked", CHECK, ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                             "\r\n\r\n0\r\n\r\n")


if __name__ == "__main__":
    PLACE.mkdir(parents=True, exist_ok=True)
    for name, how, text in inputs():
        (PLACE / name).write_bytes(bytes([how]) + text.encode())
