"""Dependencies point down only."""

import re
from fnmatch import fnmatch
from pathlib import Path

from support.place import ROOT
from tree import code, files, includes

C_FILES = files("lib/**/*.[ch]", "fcgi-auth/**/*.[ch]", "agent/**/*.[ch]",
                "ctl/*.[ch]", "pam/*.[ch]")

# Each folder, and what it may include besides itself and lib/latchkey.h:
# folders, or single headers where a folder would be too much.
BASE = {"lib/base"}
THINGS = BASE | {"lib/session", "lib/settings/settings.h"}
MAY_INCLUDE = {
    "lib/base": set(),
    "lib/session": BASE,
    "lib/settings": BASE | {"lib/session"},
    "lib/jwt": THINGS,
    "lib/user": THINGS,
    "lib/store": THINGS,
    "lib/store/agent": THINGS | {"lib/store"},
    "lib/store/sql": THINGS | {"lib/store"},
    "lib/store/sqlite": THINGS | {"lib/store", "lib/store/sql"},
    "lib/store/mariadb": THINGS | {"lib/store"},
    "lib/store/mariadb/module": THINGS | {"lib/store", "lib/store/sql"},
    "lib/store/redis/wire": THINGS,
    "lib/store/redis/master":
        THINGS | {"lib/store", "lib/store/redis/wire",
                  "lib/store/redis/layout/layout.h"},
    "lib/store/redis": THINGS | {"lib/store", "lib/store/redis/master",
                                 "lib/store/redis/layout/layout.h",
                                 "lib/store/redis/wire"},
    "lib/store/redis/layout":
        THINGS | {"lib/store/redis", "lib/store/redis/wire"},
    "lib": THINGS | {"lib/store", "lib/user", "lib/jwt/jwt.h"},
    "fcgi-auth/verdict": THINGS | {"lib/jwt/jwt.h"},
    "fcgi-auth/process": THINGS | {"lib/load.h"},
    "fcgi-auth/endpoints": THINGS | {"lib/jwt/jwt.h", "lib/user/run.h",
                                     "lib/store/agent/login.h",
                                     "fcgi-auth/verdict/verdict.h",
                                     "fcgi-auth/process/process.h"},
    "fcgi-auth/door": BASE | {"fcgi-auth/process/process.h",
                              "fcgi-auth/process/http.h",
                              "fcgi-auth/endpoints/endpoints.h"},
    "fcgi-auth": BASE | {"lib/settings/settings.h",
                         "fcgi-auth/process/process.h",
                         "fcgi-auth/endpoints/endpoints.h",
                         "fcgi-auth/door/door.h"},
    "agent/question": THINGS,
    "agent/answer": THINGS | {"lib/jwt/jwt.h", "agent/question",
                              "fcgi-auth/process/process.h",
                              "fcgi-auth/process/account.h"},
    "agent/house": BASE | {"agent/question/permit.h",
                           "agent/answer/answer.h",
                           "fcgi-auth/process/http.h",
                           "fcgi-auth/process/process.h"},
    "agent": BASE | {"lib/settings/settings.h",
                     "fcgi-auth/process/process.h",
                     "agent/house/house.h"},
    "pam": THINGS | {"lib/user/source.h", "lib/store/module.h"},
    "ctl": THINGS | {"lib/load.h", "lib/user/source.h", "lib/jwt/jwt.h",
                     "lib/store/agent/login.h",
                     "fcgi-auth/verdict/verdict.h"},
}

# Third-party headers, and the only files that may include them.
HOMES = {
    "hiredis*": ("lib/store/redis/*",),
    "libconfig*": ("lib/settings/read.c",),
    "cjson/*": ("lib/session/json_session.c",),
    "sqlite3*": ("lib/store/sqlite/*",),
    "mysql*": ("lib/store/mariadb/module/*",),
    "fcgi*": ("fcgi-auth/*",),
    "microhttpd*": ("agent/house/*", "fcgi-auth/door/web.c",
                    "fcgi-auth/process/http.*"),
    "curl/*": ("ctl/http.c",),
    "security/*": ("pam/*",),
}

# What a library inside somebody else's process leaves alone.
SURROUNDINGS = re.compile(
    r"\b(getenv|secure_getenv|setenv|putenv|sigaction|signal|exit|"
    r"srand|rand|openlog|setlocale|chdir|umask)\s*\(")


def within(path, patterns):
    return any(fnmatch(str(path), pattern) for pattern in patterns)


def own(path):
    """The files of the tree that one includes; what is made is not."""
    for header in includes(path):
        for folder in ("lib", "fcgi-auth", "agent", str(path.parent)):
            found = Path(folder, header)
            if (ROOT / found).is_file():
                yield found
                break


def test_layers_know_the_tree():
    assert {str(path.parent) for path in C_FILES} == set(MAY_INCLUDE)
    for pattern in HOMES:
        assert any(fnmatch(header, pattern) for path in C_FILES
                   for header in includes(path)), pattern


def test_layers_third_party_headers_stay_at_home():
    strays = [f"{path} includes {header}" for path in C_FILES
              for header in includes(path)
              for pattern, homes in HOMES.items()
              if fnmatch(header, pattern) and not within(path, homes)]
    assert strays == []


def test_layers_dependencies_point_down():
    wrong = [f"{path} includes {header}" for path in C_FILES
             for header in own(path)
             if str(header) != "lib/latchkey.h"
             and not {str(header), str(header.parent)}
             & (MAY_INCLUDE[str(path.parent)] | {str(path.parent)})]
    assert wrong == []


def test_layers_verdict_is_free_of_its_surroundings():
    """`latchkey explain` goes through it too."""
    for path in files("fcgi-auth/verdict/*.[ch]"):
        for header in includes(path):
            assert not header.startswith(("fcgi", "pthread", "sys/")), path


def test_layers_what_the_agent_permits_is_free_of_its_surroundings():
    for path in files("agent/question/*.[ch]"):
        for header in includes(path):
            assert not header.startswith(("microhttpd", "sys/socket",
                                          "unistd", "pwd", "grp")), path


def test_layers_library_leaves_its_surroundings_alone():
    found = {str(path): sorted(set(SURROUNDINGS.findall(code(path))))
             for path in files("lib/**/*.c")}
    # The child process of a user source starts with default signals.
    found["lib/user/child.c"] = [
        name for name in found.get("lib/user/child.c", [])
        if name not in ("sigaction", "chdir", "umask")]
    # libmariadb sets SIGPIPE, which is put back.
    found["lib/store/mariadb/module/wire.c"] = [
        name for name in found.get("lib/store/mariadb/module/wire.c", [])
        if name != "sigaction"]
    assert {path: names for path, names in found.items() if names} == {}
