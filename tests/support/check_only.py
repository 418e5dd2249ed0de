"""The Redis users of etc/redis/ for who only checks."""

import re

from support.place import ROOT
from support.redis_client import RedisClient

NAME, PASSWORD = "latchkey-check", "check-only-cherry-and-chestnut"
EXAMPLES = {"latchkey": "latchkey.conf",
            "gosession": "latchkey-gosession.conf"}


def add_user(address, layout):
    """Let the Redis at an address have the user."""
    text = (ROOT / "etc/redis" / EXAMPLES[layout]).read_text()
    (rules,) = re.findall(rf"^#user {NAME} (.*)$", text, re.M)
    with RedisClient(address) as client:
        client.call("ACL", "SETUSER", NAME, "reset",
                    *rules.replace(">CHANGE-ME", f">{PASSWORD}").split())


def as_user(settings):
    """The settings of who has that user."""
    return re.sub(r'( address = "[^"]*";)',
                  rf'\1 username = "{NAME}"; password = "{PASSWORD}";',
                  settings, count=1)


def with_layout(settings, layout):
    return settings.replace(" address =", f' layout = "{layout}"; address =',
                            1)
