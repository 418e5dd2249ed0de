"""`make demo`, and what it leaves running if it is told to."""

import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from support.place import BUILD, PATIENCE, ROOT, wait_until
from support.servers import find_program


def demo(place, **variables):
    find_program("pamtester")
    return subprocess.run(
        ["/usr/bin/python3", ROOT / "tests/demo.py"], capture_output=True,
        text=True, timeout=5 * PATIENCE, check=False, env={
            **place.environment(), "LK_BUILD": str(BUILD), **variables})


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_demo_comes_true(place, store):
    done = demo(place, STORE=store)
    assert done.returncode == 0, done
    assert done.stderr == ""
    assert done.stdout.endswith("Everything is stopped again.\n\n"
                                "It all came true.\n")
    # A form as browsers send it, and what comes of it.
    assert re.search(r"Sec-Fetch-Site: same-origin\n(?:.+\n)*Origin: .*\n"
                     r"(?:.+\n)*\ndo=login&user=alice&password=open\+sesame\n"
                     r"\n    HTTP/1.1 303 See Other\n(?:.+\n)*"
                     r"    Set-Cookie: latchkey=lk_.*\n"
                     r"    Location: /hello.cgi\n", done.stdout)


def test_demo_that_is_kept_runs_on(place):
    done = demo(place, KEEP="1")
    url = re.search(r"URL +(http\S+)", done.stdout)[1]
    token = re.search(r"token +(lk_\S+)", done.stdout)[1]
    pids = [int(pid) for pid in
            re.search(r"stop +kill ([\d ]+);", done.stdout)[1].split()]
    folder = re.search(r"; rm -r (/tmp/latchkey-\w+)$", done.stdout, re.M)[1]
    try:
        assert done.returncode == 0, done
        asked = urllib.request.Request(
            url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=PATIENCE) as reply:
            assert reply.read().startswith(b"Hello alice!")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, timeout=PATIENCE)
        assert refused.value.code == 401
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        for pid in pids:
            wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"),
                       f"{pid} to end")
        shutil.rmtree(folder)
