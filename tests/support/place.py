"""A private folder, and the daemons that live in it."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The binaries under test, and those without sanitizers, which programs that
# know nothing of sanitizers can load.
BUILD = ROOT / os.environ.get("LK_BUILD", "build")
PLAIN = ROOT / os.environ.get("LK_PLAIN", BUILD)

# What ThreadSanitizer says and is none.
TSAN = Path(__file__).with_name("tsan.supp")

# Nothing on loopback takes this long; a slow machine under sanitizers may.
PATIENCE = 20.0

# How a sanitizer's report begins, should it end up in a log.
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                   "runtime error:", "AddressSanitizer:DEADLYSIGNAL",
                   "WARNING: ThreadSanitizer")


class Failed(AssertionError):
    """What was waited for did not happen, or something died."""


class NotInstalled(Failed):
    """A program that this system lacks; a test that wants it is skipped."""


def wait_until(condition, what, patience=PATIENCE):
    """Return the first true value of condition(), asked until it is."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"waited {patience:g} s for {what}")
        time.sleep(0.01)


def port_range():
    """Ports that the system gives to nobody by itself."""
    limits = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(limits.read_text(encoding="ascii").split()[0])
    return range(10240, lowest) if lowest > 12288 else range(61000, 65536)


PORTS_GIVEN = set()


def free_port():
    """A loopback TCP port that nobody uses, and no connection is given before
    a server takes it."""
    while True:
        port = random.choice(port_range())
        if port in PORTS_GIVEN:
            continue
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            PORTS_GIVEN.add(port)
            return port


def connect(address, timeout=PATIENCE):
    """Connect to an address as the settings write it: host:port or unix:."""
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        target = address[len("unix:"):]
    else:
        host, port = address.rsplit(":", 1)
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        sock = socket.socket(family)
        target = (host.strip("[]"), int(port))
    sock.settimeout(timeout)
    try:
        sock.connect(target)
    except BaseException:
        sock.close()
        raise
    return sock


def accepts(address):
    """Whether somebody accepts connections there."""
    try:
        connect(address).close()
        return True
    except OSError:
        return False


@contextlib.contextmanager
def uninterrupted():
    """Hold back what would end us, so that no child is started and lost."""
    held, handlers = [], {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handlers[number] = signal.signal(
                number, lambda number, _: held.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in held:
            os.kill(os.getpid(), number)


class Daemon:
    """A process that runs until it is stopped, its output in a file.

    A subclass sets `name` and `argv`, and says in ready() whether it can be
    talked to; `good` are the exit statuses it may answer SIGTERM with.
    """

    name = "daemon"
    argv = ()
    good = (0,)
    # Whether it goes on when the process that started it is killed.
    outlasting = False

    def __init__(self, place):
        self.place = place
        self.log = place.path / f"{self.name}.log"
        self.process = None
        self.started = False

    def ready(self):
        return True

    def start(self):
        """Run it and wait until it is ready."""
        self.started = False
        argv = [str(arg) for arg in self.argv]
        if not self.outlasting:
            argv = ["setpriv", "--pdeathsig", "TERM", *argv]
        with open(self.log, "ab") as log, uninterrupted():
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.place.path, env=self.place.environment(),
                start_new_session=True)
        wait_until(lambda: not self.running() or self.ready(),
                   f"{self.name} to be ready\n{self.output()}")
        if not self.running():
            raise Failed(f"{self.name} ended with status "
                         f"{self.process.returncode}\n{self.output()}")
        self.started = True
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def freeze(self):
        """Once this returns, no thread of it is at work any more."""
        self.process.send_signal(signal.SIGSTOP)
        wait_until(self._stands_still, f"{self.name} to stand still")

    def _stands_still(self):
        tasks = Path(f"/proc/{self.process.pid}/task")
        try:
            return not self.running() or all(
                stat.read_text().rpartition(")")[2].split()[0] == "T"
                for stat in tasks.glob("*/stat"))
        except OSError:  # A thread has just ended.
            return False

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def frozen(self):
        """While this lasts it answers nobody."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def stop(self):
        """SIGTERM, then insist that it ended in good order."""
        if self.process is None:
            return
        # Frozen by a test that failed, it would not hear of it.
        self.thaw()
        try:
            self.process.terminate()
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} ignored SIGTERM\n{self.output()}")
        finally:
            self.kill()
        if self.started and status not in self.good:
            raise Failed(f"{self.name} ended with status {status}\n"
                         f"{self.output()}")

    def kill(self):
        """SIGKILL: what a crash or a power cut looks like to the others."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def output(self):
        """What it wrote so far."""
        if not self.log.exists():
            return ""
        return self.log.read_text(errors="replace")


class Place:
    """A folder of our own for one test or module; a context manager.

    Leaving it stops every daemon that was added, newest first, fails if a
    sanitizer reported anything, and removes the folder.
    """

    def __init__(self, outlasting=False):
        self.outlasting = outlasting
        self.path = Path(tempfile.mkdtemp(prefix="latchkey-"))
        self.daemons = []

    def add(self, daemon):
        """Start a daemon and remember to stop it."""
        daemon.outlasting = self.outlasting
        self.daemons.append(daemon)
        return daemon.start()

    def environment(self):
        """The little that programs under test get to see."""
        report = self.path / "sanitizer"
        leaks = os.environ.get("LK_DETECT_LEAKS", "1")
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:"
                    "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.path),
            "LC_ALL": "C.UTF-8",
            "ASAN_OPTIONS": f"log_path={report}:detect_leaks={leaks}"
                            ":exitcode=99"
                            ":detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": f"log_path={report}:print_stacktrace=1",
            "TSAN_OPTIONS": f"log_path={report}:suppressions={TSAN}",
        }

    def write(self, name, text, mode=0o600):
        """Write a file here and return its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def logs(self):
        """The content of every log here, by file name."""
        return {path.name: path.read_text(errors="replace")
                for path in sorted(self.path.glob("*.log*"))}

    def sanitizer_reports(self):
        reports = [path.read_text(errors="replace")
                   for path in sorted(self.path.glob("sanitizer.*"))]
        for name, text in self.logs().items():
            if any(mark in text for mark in SANITIZER_MARKS):
                reports.append(f"{name}:\n{text}")
        return reports

    def close(self):
        failures, interrupt = [], None
        for daemon in reversed(self.daemons):
            try:
                daemon.stop()
            except Failed as failure:
                failures.append(str(failure))
            except BaseException as exception:
                interrupt = exception
        failures += self.sanitizer_reports()
        shutil.rmtree(self.path, ignore_errors=True)
        if interrupt is not None:
            raise interrupt
        if failures:
            raise Failed("\n".join(failures))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def why_no_mounts():
    """Why nothing can be mounted here that nobody else sees, or None."""
    if os.geteuid() != 0:
        return "only root mounts"
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "mount", "-t",
         "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True,
        check=False)
    if done.returncode != 0:
        return f"no mount namespaces here: {done.stderr.strip()}"
    return None
