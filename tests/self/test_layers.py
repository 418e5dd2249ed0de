"""Dependencies point down only."""

import re
from fnmatch import fnmatch

from tree import code, files, includes

C_FILES = files("lib/**/*.[ch]", "fcgi-auth/*.[ch]", "ctl/*.[ch]",
                "pam/*.[ch]")
FRONT_ENDS = ("fcgi-auth/*", "ctl/*", "pam/*")
STORES = ("lib/store/*",)

# Third-party headers, and the only files that may include them.
HOMES = {
    "hiredis*": ("lib/store/redis_*",),
    "libconfig*": ("lib/settings_*",),
    "cjson/*": ("lib/json_session.c",),
    "sqlite3*": ("lib/store/sqlite*",),
    "fcgi*": ("fcgi-auth/*",),
    "security/*": ("pam/*",),
}

# The gate's decision: libfcgi, sockets and threads stay out of it, so that
# `latchkey explain` can go through it too.
DECISION = [f"fcgi-auth/{name}.{suffix}" for suffix in "ch" for name in (
    "check", "credentials", "decide", "path", "pattern", "reply", "request",
    "respond", "rules")]
EXPLAIN = "ctl/explain.c"

# What a library inside somebody else's process leaves alone.
SURROUNDINGS = re.compile(
    r"\b(getenv|secure_getenv|setenv|putenv|sigaction|signal|exit|"
    r"srand|rand|openlog|setlocale|chdir|umask)\s*\(")


def within(path, patterns):
    return any(fnmatch(str(path), pattern) for pattern in patterns)


def test_layers_know_the_tree():
    for patterns in (FRONT_ENDS, STORES, ("lib/*",)):
        assert any(within(path, patterns) for path in C_FILES), patterns
    for pattern in ("hiredis*", "libconfig*", "cjson/*", "fcgi*"):
        assert any(fnmatch(header, pattern) for path in C_FILES
                   for header in includes(path)), pattern


def test_layers_third_party_headers_stay_at_home():
    strays = [f"{path} includes {header}" for path in C_FILES
              for header in includes(path)
              for pattern, homes in HOMES.items()
              if fnmatch(header, pattern) and not within(path, homes)]
    assert strays == []


def test_layers_dependencies_point_down():
    def forbidden(path, header):
        folders, name = header.split("/")[:-1], header.split("/")[-1]
        if str(path) == EXPLAIN and folders == ["..", "fcgi-auth"]:
            return f"fcgi-auth/{name}" not in DECISION
        if within(path, FRONT_ENDS):
            return "store" in folders or name in ("store.h", "manager.h")
        if within(path, STORES) and name.startswith("manager"):
            return True
        return (bool({"fcgi-auth", "ctl", "pam"} & set(folders))
                or (path.parent / header).exists()
                and within((path.parent / header).resolve(), FRONT_ENDS))

    wrong = [f"{path} includes {header}" for path in C_FILES
             for header in includes(path) if forbidden(path, header)]
    assert wrong == []


def test_layers_decision_is_free_of_the_gates_surroundings():
    allowed = {name.split("/")[1] for name in DECISION}
    for path in DECISION:
        for header in includes(path):
            assert not header.startswith(("fcgi", "pthread", "sys/")), path
            if files(f"fcgi-auth/{header}"):
                assert header in allowed, f"{path} includes {header}"


def test_layers_library_leaves_its_surroundings_alone():
    found = {str(path): sorted(set(SURROUNDINGS.findall(code(path))))
             for path in files("lib/**/*.c")}
    # The child process of a user source starts with default signals.
    found["lib/user/child.c"] = [
        name for name in found.get("lib/user/child.c", [])
        if name not in ("sigaction", "chdir", "umask")]
    assert {path: names for path, names in found.items() if names} == {}
