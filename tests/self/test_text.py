"""What no file of this project contains."""

import re

from tree import files, read

TEXTS = files("*", ".ci/*", ".clang-*", "**/*")

# Written so that this file has none of them.
BANNED = {
    "a path of somebody's machine": re.compile(
        "/" + r"(work|Users|tmp/h-)\b"),
    "a leftover": re.compile(r"\b(TO" + "DO|FIX" + r"ME|XX" + r"X)\b"),
    "a space at the end of a line": re.compile(r"[ \t]+$", re.M),
}


def test_text_is_clean():
    found = []
    for path in TEXTS:
        text = read(path)
        for what, pattern in BANNED.items():
            match = pattern.search(text)
            if match:
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path}:{line}: {what}: {match.group()!r}")
        if text and not text.endswith("\n"):
            found.append(f"{path}: no newline at the end")
    assert found == []
    assert len(TEXTS) > 40


def test_text_of_code_fits_80_columns():
    wide = [f"{path}:{number}"
            for path in TEXTS if path.suffix in (".c", ".h", ".py")
            for number, line in enumerate(read(path).splitlines(), 1)
            if len(line.expandtabs(8)) > 80]
    assert wide == []
