"""What programs are compiled with: the library's functions and what they take,
as libabigail writes it down.  As a program: print that of lib/latchkey.h."""

import re
import subprocess
import tempfile
from pathlib import Path

from support.place import ROOT
from support.servers import find_program

REFERENCE = ROOT / "tests/abi/latchkey.abi"
# Nothing about the machine that it was written on.
OPTIONS = ("--no-corpus-path", "--no-comp-dir-path", "--no-show-locs",
           "--no-elf-needed", "--type-id-style", "hash")


def compile_interface(header, folder):
    """A shared object with a pointer to each function that a header has."""
    names = re.findall(r"^LK_API\b[^;{]*?\b(lk_\w+)\(", header, re.M)
    (folder / "latchkey.h").write_text(header)
    (folder / "interface.c").write_text('#include "latchkey.h"\n' + "".join(
        f"__typeof__(&{name}) {name}_;\n" for name in sorted(names)))
    made = folder / "interface.so"
    subprocess.run(["cc", "-g", "-O0", "-shared", "-fPIC", "-o", made,
                    "interface.c"], cwd=folder, check=True)
    return made


def described(header):
    find_program("abidw")
    with tempfile.TemporaryDirectory() as folder:
        made = compile_interface(header, Path(folder))
        return subprocess.run(["abidw", *OPTIONS, made], check=True,
                              capture_output=True, text=True).stdout


def differences(header, folder):
    """What a program would notice that was compiled with the reference."""
    find_program("abidiff")
    done = subprocess.run(
        ["abidiff", "--no-added-syms", REFERENCE,
         compile_interface(header, folder)],
        capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


if __name__ == "__main__":
    print(described((ROOT / "lib/latchkey.h").read_text()), end="")
