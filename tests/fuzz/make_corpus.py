#!/usr/bin/python3
"""Write the first inputs of fuzz_guard to tests/fuzz/corpus/guard."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from support import fastcgi  # noqa: E402
from support.fastcgi import begin, pair, pairs, record, stream  # noqa: E402

PLACE = TESTS / "fuzz/corpus/guard"
END = record(fastcgi.STDIN)
GOOD = pairs(fastcgi.request_of(
    "/app/?q=1", HTTP_AUTHORIZATION="Bearer lk_AAAA",
    HTTP_COOKIE="a=b; session=lk_BBBB", HTTP_ACCEPT="text/html"))


def ask(content, role=fastcgi.AUTHORIZER, flags=0, chunk=65535):
    return begin(role, flags) + stream(fastcgi.PARAMS, content, 1, chunk) + END


def kept(tail):
    return (begin(fastcgi.RESPONDER, fastcgi.KEEP_CONN)
            + stream(fastcgi.PARAMS, GOOD) + tail)


def inputs():
    get_values = record(fastcgi.GET_VALUES,
                        pairs([("FCGI_MAX_CONNS", "")] * 4), request=0)
    params = stream(fastcgi.PARAMS, GOOD)
    yield "nothing-to-say", b"\x01"
    yield "text", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "authorizer", ask(GOOD)
    yield "responder", ask(GOOD, fastcgi.RESPONDER)
    yield "filter", ask(GOOD, fastcgi.FILTER)
    yield "no-params", ask(b"")
    yield "one-byte-records", ask(GOOD[:60], chunk=1)
    yield "seven-byte-records", ask(GOOD, chunk=7)
    yield "padded", (begin() + record(fastcgi.PARAMS, GOOD, padding=255)
                     + record(fastcgi.PARAMS, padding=7) + END)
    yield "high-id", (begin(request=65535)
                      + stream(fastcgi.PARAMS, GOOD, 65535))
    yield "kept", kept(END)
    yield "kept-with-body", kept(stream(fastcgi.STDIN, b"body" * 9))
    yield "kept-unfinished", kept(record(fastcgi.STDIN, b"body"))
    yield "kept-pipelined", kept(END) * 2
    yield "kept-then-abort", kept(record(fastcgi.ABORT) + END)
    yield "kept-other-id", kept(record(fastcgi.STDIN, request=2))
    yield "get-values-four", get_values * 4
    yield "get-values-between", begin() + get_values + params
    yield "management-unknown", record(77, b"x", request=0) * 4
    yield "type-unknown", begin() + record(77, b"x") + params
    yield "begin-twice", begin() * 2 + params
    yield "begin-within", (begin() + record(fastcgi.PARAMS, GOOD) + begin()
                           + record(fastcgi.PARAMS))
    yield "begin-short", record(fastcgi.BEGIN, b"\0\x02") + params
    yield "begin-long", record(fastcgi.BEGIN, b"\0\x02" + b"\0" * 30) + params
    yield "begin-padded", (record(fastcgi.BEGIN, b"\0\2" + b"\0" * 6,
                                  padding=8) + params)
    yield "begin-missing", params + END
    yield "abort", begin() + record(fastcgi.ABORT) + params
    yield "stdin-first", begin() + END + params
    yield "name-near-2-31", ask(b"\xff\xff\xff\xff\x01" + b"x" * 64)
    yield "value-near-2-31", ask(b"\x01\xff\xff\xff\xffx" + b"x" * 64)
    yield "both-near-2-31", ask(b"\xff\xff\xff\xff" * 2)
    yield "length-cut", ask(GOOD + b"\x80\x00")
    yield "pair-cut", ask(GOOD + b"\x05\x05ab")
    yield "params-cut", (begin() + params)[:-30]
    yield "params-unfinished", begin() + record(fastcgi.PARAMS, GOOD)
    yield "ids-mixed", begin() + stream(fastcgi.PARAMS, GOOD, 2)
    yield "version-2", b"\x02" + ask(GOOD)[1:]
    yield "long-lengths", ask(b"\x80\0\0\x01\x80\0\0\x01Av")
    yield "long-value", ask(pair("X", "v" * 3000))
    yield "params-256", ask(pairs([(f"X{n}", "") for n in range(256)]))
    yield "params-257", ask(pairs([(f"X{n}", "") for n in range(257)]))
    yield "name-empty", ask(pair("", "ab"))
    yield "name-with-equals", ask(pair("X=Y", "ab"))
    yield "name-with-nul", ask(pair("X\0Y", "ab"))
    yield "value-with-nul", ask(pair("X", "a\0b"))
    yield "value-with-equals", ask(pair("X", "a=b"))
    yield "method-twice", ask(GOOD + pair("REQUEST_METHOD", "GET"))
    yield "role-by-param", ask(pair("FCGI_ROLE", "RESPONDER"))
    yield "bytes-behind", ask(GOOD) + b"\xff" * 40
    yield "content-length", ask(GOOD + pair("CONTENT_LENGTH", "-1"))


def main():
    PLACE.mkdir(parents=True, exist_ok=True)
    for name, data in inputs():
        (PLACE / name).write_bytes(data)


if __name__ == "__main__":
    main()
