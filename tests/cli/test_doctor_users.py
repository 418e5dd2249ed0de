"""What `latchkey doctor` says of who may open what."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.access import access_settings, keygen
from support.place import BUILD, PATIENCE
from support.servers import embedded_settings

DONE, USAGE, STORE = 0, 2, 3
GATE, OTHER = 54311, 54312

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can play other users")


class Setup:
    """A store, and settings of which the gate's user is `gate`."""

    def __init__(self, place):
        self.place = place
        place.path.chmod(0o711)
        self.program = place.path / "latchkey"
        shutil.copy(BUILD / "latchkey", self.program)
        self.program.chmod(0o755)
        self.store = place.path / "store"
        self.store.mkdir()
        os.chown(self.store, 0, GATE)
        self.store.chmod(0o2770)
        place.write("passwd", "root:x:0:0::/root:/bin/sh\n"
                    f"gate:x:{GATE}:{GATE}::/:/bin/sh\n", 0o644)
        place.write("group", f"root:x:0:\ngate:x:{GATE}:\n", 0o644)
        place.write("nsswitch.conf", "passwd: files\ngroup: files\n", 0o644)
        self.conf = self.write()
        assert self.run("issue", "alice").returncode == DONE

    def write(self, gate="", more=""):
        return self.place.write("latchkey.conf", embedded_settings(
            self.store / "sessions.db", f"unix:{self.place.path}/gate.sock",
            'user = "gate"; ' + gate) + more, 0o644)

    def run(self, *words, uid=0):
        bind = " && ".join(
            f"mount --bind {self.place.path}/{name} /etc/{name}"
            for name in ("passwd", "group", "nsswitch.conf"))
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             f'{bind} && exec setpriv --reuid {uid} --regid {uid} '
             '--clear-groups "$@"', "sh", self.program, "-c",
             self.place.path / "latchkey.conf", *words],
            capture_output=True, text=True, check=False, timeout=PATIENCE,
            env=self.place.environment())

    def says(self, *lines, status=USAGE, uid=0):
        done = self.run("doctor", uid=uid)
        for line in lines:
            assert line in done.stdout, done
        assert done.returncode == status, done
        return done.stdout


@pytest.fixture
def setup(place):
    return Setup(place)


@pytest.mark.parametrize("uid", [0, GATE])
def test_doctor_looks_as_the_gates_user(setup, uid):
    said = setup.says("ok    gate.user: gate\n", status=DONE, uid=uid)
    for name in ("latchkey.conf", "store", "store/sessions.db"):
        assert (f"{setup.place.path}/{name}: good for the gate's user gate\n"
                in said)
    assert "WRONG" not in said


def test_doctor_of_another_user_says_that_it_cannot_tell(setup):
    said = setup.says("hint  gate.user: gate: what that user can open cannot "
                      "be told", status=STORE, uid=OTHER)
    assert "good for" not in said
    # Its own way to the store is what is wrong.
    assert [line.split(": ")[0] for line in said.splitlines()
            if line.startswith("WRONG")] == ["WRONG store"]


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-reserve"])
def test_doctor_sees_a_store_file_of_somebody_else(setup, suffix):
    path = setup.store / f"sessions.db{suffix}"
    path.touch()
    os.chown(path, 0, OTHER)
    path.chmod(0o660)
    setup.says(f"WRONG store.sqlite.path: {path}: Permission denied, for the "
               "gate's user gate\n")


def test_doctor_sees_settings_that_the_gate_cannot_read_again(setup):
    conf = setup.place.path / "latchkey.conf"
    conf.chmod(0o600)
    setup.says(f"WRONG settings: {conf}: cannot open: Permission denied, for "
               "the gate's user gate\n")
    secret = setup.place.write("secret", "hunter2\n", 0o600)
    conf.write_text(conf.read_text().replace(
        "store = {", f'store = {{ redis = {{ password_file = "{secret}"; }};'))
    conf.chmod(0o644)
    setup.says("WRONG settings: ", f"{secret}: cannot open: Permission "
               "denied, for the gate's user gate\n")


@pytest.mark.parametrize("wrong", [
    lambda path: path.chmod(0o600), lambda path: path.chmod(0o666),
    lambda path: os.chown(path, OTHER, OTHER),
    lambda path: path.write_text("{"), lambda path: path.unlink()],
    ids=["unreadable", "writable", "foreign", "cut", "missing"])
def test_doctor_sees_a_user_file_that_the_gate_cannot_use(setup, wrong):
    users = setup.place.write("users.json", "{}", 0o644)
    setup.write(more=f'user = {{ source = "file"; path = "{users}"; }};\n')
    setup.says(f"ok    user.path: {users}: good for", status=DONE)
    wrong(users)
    setup.says(f"WRONG user.path: {users}: ", "for the gate's user gate\n")


def test_doctor_sees_a_program_that_the_gate_cannot_run(setup):
    program = setup.place.write("program", "#!/bin/sh\n", 0o700)
    setup.write(more=f'user = {{ source = "exec"; '
                     f'command = [ "{program}" ]; }};\n')
    setup.says(f"WRONG user.command: {program}: Permission denied, for the "
               "gate's user gate\n")


# RFC 8037, appendix A.1.
OTHER_KEY = """{"kty": "OKP", "crv": "Ed25519",
 "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
 "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"""


@pytest.fixture
def signing(setup):
    """The path of the private key, and settings that name it."""
    key = Path(keygen(setup.place, "key"))
    os.chown(key, 0, GATE)
    setup.write(more=access_settings(str(key)))
    setup.says(f"ok    jwt.sign: {key}: good for the gate's user gate\n",
               status=DONE)
    return key


@pytest.mark.parametrize("wrong, words", [
    (lambda key: key.chmod(0o644), "expected"),
    (lambda key: key.chmod(0o600), "Permission denied"),
    (lambda key: os.chown(key, OTHER, OTHER), ""),
    (lambda key: key.write_text("{}"), "expected"),
    (lambda key: key.unlink(), "No such file"),
    (lambda key: key.write_text(OTHER_KEY), "jwt.verify")],
    ids=["open", "unreadable", "foreign", "cut", "missing", "unknown"])
def test_doctor_sees_a_key_that_the_gate_cannot_sign_with(
        setup, signing, wrong, words):
    wrong(signing)
    setup.says(f"WRONG jwt.sign: {signing}: ", words,
               "for the gate's user gate\n")


def test_doctor_sees_public_keys_that_the_gate_cannot_read(setup, signing):
    public = f"{signing}.pub"
    os.chmod(public, 0o600)
    setup.says("WRONG settings: ", f"jwt.verify: {public}: cannot open: "
               "Permission denied, for the gate's user gate\n")
    os.unlink(public)
    done = setup.run("doctor")
    assert done.returncode == USAGE and f"jwt.verify: {public}" in done.stderr


@pytest.mark.parametrize("key, value, words", [
    ("allow_uids", '[ "root", "nobodyhere" ]',
     'gate.allow_uids: "nobodyhere": there is no such user'),
    ("socket_group", '"nobodyhere"',
     'gate.socket_group: "nobodyhere": there is no such group')])
def test_doctor_sees_who_is_not_there(setup, key, value, words):
    setup.write(f"{key} = {value};")
    setup.says(f"WRONG {words}\n")
    setup.write(f"{key} = {'[ 4242 ]' if key == 'allow_uids' else '4242'};"
                .replace("= 4242;", '= "4242";'))
    setup.says(status=DONE)


@pytest.mark.parametrize("user", ["nobodyhere", "4242"])
def test_doctor_sees_that_the_gates_user_is_not_there(setup, user):
    conf = setup.place.path / "latchkey.conf"
    conf.write_text(conf.read_text().replace('"gate"', f'"{user}"'))
    setup.says(f'WRONG gate.user: "{user}": there is no such user\n')


def test_doctor_tells_a_name_service_that_is_away_from_nobody(setup):
    setup.write('socket_group = "gate"; allow_uids = [ "gate" ];')
    setup.place.write("nsswitch.conf", "passwd: is_away\ngroup: is_away\n",
                      0o644)
    said = setup.says(status=STORE)
    assert "there is no such" not in said
    for key in ("allow_uids", "socket_group", "user"):
        assert f'WRONG gate.{key}: "gate": name service: ' in said


def test_doctor_says_who_may_connect(setup):
    sock = setup.place.path / "gate.sock"
    sock.touch()
    setup.says(f"WRONG gate.listen: {sock}: is not a socket\n")
    sock.unlink()
    folder = setup.place.path / "run"
    folder.mkdir(mode=0o700)
    conf = setup.place.path / "latchkey.conf"
    conf.write_text(conf.read_text().replace("gate.sock", "run/gate.sock"))
    setup.says("no gate listens here", status=DONE)
    assert "cannot be told: Permission denied" in setup.run(
        "doctor", uid=OTHER).stdout


def test_doctor_names_the_group_that_may_use_the_store(setup):
    """As every verb does, wherever the way is barred."""
    said = 'Permission denied; its folder belongs to the group "gate"'
    for mode in (0o2770, 0o2771):
        setup.store.chmod(mode)
        for verb in ("doctor", "list alice", "revoke-all alice"):
            done = setup.run(*verb.split(), uid=OTHER)
            assert done.returncode == STORE, (mode, done)
            assert said in done.stdout + done.stderr, (mode, done)
