"""The ways in which a client can carry a token, as headers."""

import base64


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def cookie(token):
    return [("Cookie", f"theme=dark; latchkey={token}; lang=en")]


def header(token):
    return [("X-Session-Token", token)]


def basic(token, user="alice"):
    pair = base64.b64encode(f"{user}:{token}".encode()).decode()
    return [("Authorization", f"Basic {pair}")]


CARRY = {"bearer": bearer, "cookie": cookie, "header": header,
         "basic": basic}


def best(front, token):
    """A way that this web server lets through."""
    return CARRY[front.carries[0]](token)
