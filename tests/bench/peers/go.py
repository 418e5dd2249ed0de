"""Programs in Go, built from the packages of Debian alone."""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def build_go(place, name):
    program = place.path / name
    subprocess.run(
        ["go", "build", "-o", program, HERE / f"{name}.go"],
        check=True, cwd=place.path, env={
            "PATH": os.environ["PATH"], "HOME": str(place.path),
            "GO111MODULE": "off", "GOPATH": "/usr/share/gocode"})
    return program
