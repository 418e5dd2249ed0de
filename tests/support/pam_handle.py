"""libpam itself, for what no program that speaks PAM does when asked to.

The module runs in the process of the tests, with services of its own.
"""

import ctypes
import ctypes.util
import functools

from support.place import PLAIN

SUCCESS, PERM_DENIED, AUTH_ERR, AUTHINFO_UNAVAIL = 0, 6, 7, 9
CONV_ERR, IGNORE, CONV_AGAIN, INCOMPLETE, SESSION_ERR = 19, 25, 30, 31, 14
ACCT_EXPIRED = 13
USER, FAIL_DELAY = 2, 10
PROMPT_ECHO_OFF, PROMPT_ECHO_ON = 1, 2

libc = ctypes.CDLL(None)
libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(Message)),
    ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)
DELAY = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("call", CONVERSE), ("data", ctypes.c_void_p)]


@functools.cache
def libpam():
    """To find it takes programs."""
    return ctypes.CDLL(ctypes.util.find_library("pam"))


class Handle:
    """One login; `answers` are what the host gives to each question in turn:
    bytes, None for nothing, or the code that it returns instead."""

    def __init__(self, place, options, user=b"alice", answers=()):
        self.pam = libpam()
        place.write("pam.d/door", "".join(
            f"{step} required {PLAIN}/pam_latchkey.so {options}\n"
            for step in ("auth", "account", "session")))
        self.answers = list(answers)
        self.asked, self.delays = [], []
        self.conversation = Conversation(CONVERSE(self.converse), None)
        self.handle = ctypes.c_void_p()
        assert self.pam.pam_start_confdir(
            b"door", user, ctypes.byref(self.conversation),
            str(place.path / "pam.d").encode(),
            ctypes.byref(self.handle)) == SUCCESS
        self.note = DELAY(lambda code, us, data: self.delays.append(us))
        self.pam.pam_set_item(self.handle, FAIL_DELAY, self.note)

    def converse(self, count, messages, responses, _data):
        made = ctypes.cast(libc.calloc(count, ctypes.sizeof(Response)),
                           ctypes.POINTER(Response))
        responses[0] = ctypes.cast(made, ctypes.c_void_p)
        for i in range(count):
            message = messages[i].contents
            if message.style not in (PROMPT_ECHO_OFF, PROMPT_ECHO_ON):
                continue
            self.asked.append(message.text)
            answer = self.answers.pop(0)
            if isinstance(answer, int):
                libc.free(ctypes.cast(made, ctypes.c_void_p))
                responses[0] = None
                return answer
            made[i].text = libc.strdup(answer) if answer is not None else None
        return SUCCESS

    def call(self, step):
        """The code that a step returns."""
        return getattr(self.pam, f"pam_{step}")(self.handle, 0)

    def become(self, user):
        """Let the handle be another user's, as a module may."""
        assert self.pam.pam_set_item(self.handle, USER, user) == SUCCESS

    def put(self, variable):
        """Put a variable into the PAM environment, as pam_env does."""
        assert self.pam.pam_putenv(self.handle, variable) == SUCCESS

    def get(self, name):
        self.pam.pam_getenv.restype = ctypes.c_char_p
        return self.pam.pam_getenv(self.handle, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pam.pam_end(self.handle, SUCCESS)
