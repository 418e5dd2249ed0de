"""One thread of a process that stands still, while the others go on."""

import contextlib
import ctypes
import os

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

libc = ctypes.CDLL(None, use_errno=True)


def ptrace(request, tid):
    if libc.ptrace(request, tid, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def threads_of(pid):
    """All but the one that it began with."""
    return sorted({int(tid) for tid in os.listdir(f"/proc/{pid}/task")}
                  - {pid})


@contextlib.contextmanager
def still(tid):
    """Takes the rights of a debugger."""
    ptrace(SEIZE, tid)
    ptrace(INTERRUPT, tid)
    # Until it has stopped.
    assert libc.waitpid(tid, None, 0x40000000) == tid
    try:
        yield
    finally:
        ptrace(DETACH, tid)
