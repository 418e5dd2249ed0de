"""The unit files are ones that systemd takes, and keep the daemons in."""

import re
import shutil

import pytest

from support.place import BUILD
from tree import files, read, run

# Each daemon: its settings' file, and the mode and place of its socket.
DAEMONS = {
    "latchkey-fcgi": ("latchkey.conf", "0660", "gate"),
    "latchkeyd": ("latchkeyd.conf", "0666", "agent"),
}

# What passes the gate's socket for HTTP.
HTTP = "etc/systemd/latchkey-fcgi-http.socket"

SANDBOX = {
    "NoNewPrivileges": "yes", "CapabilityBoundingSet": "",
    "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
    "PrivateDevices": "yes", "ProtectProc": "invisible",
    "ProtectControlGroups": "yes", "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes", "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes", "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes", "SystemCallArchitectures": "native",
    "UMask": "0077", "LimitCORE": "0",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
}


def settings(path):
    """Of each setting of a unit file, its values in order."""
    found = {}
    for line in read(path).splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if re.fullmatch(r"\[\w+\]", line):
            continue
        name, equals, value = line.partition("=")
        assert equals, f"{path}: {line}"
        found.setdefault(name, []).append(value)
    return found


def units(daemon):
    return [f"etc/systemd/{daemon}.{kind}" for kind in ("service", "socket")]


each = pytest.mark.parametrize("daemon", DAEMONS)


def test_systemd_files_are_all_tested():
    assert [str(path) for path in files("etc/systemd/*")] == [
        HTTP, *(path for daemon in DAEMONS for path in units(daemon))]


@each
def test_systemd_service_has_a_strict_sandbox(daemon):
    service = settings(units(daemon)[0])
    assert {name: service.get(name) for name in SANDBOX} == {
        name: [value] for name, value in SANDBOX.items()}
    # In this order: what is taken away, and what of that is given back.
    assert service["SystemCallFilter"] == [
        "@system-service", "~@privileged @resources", "@chown"]
    assert service["SystemCallErrorNumber"] == ["EPERM"]
    # Under it the users who connect would all be one.
    assert "PrivateUsers" not in service
    assert service["User"] != ["root"]


@each
def test_systemd_service_speaks_the_protocol_of_the_daemon(daemon):
    conf, mode, group = DAEMONS[daemon]
    service, unit = (settings(path) for path in units(daemon))
    assert service["Type"] == ["notify"]
    assert service["NotifyAccess"] == ["main"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert service["Requires"] == [f"{daemon}.socket"]
    assert service["ExecStart"] == [
        f"/usr/local/sbin/{daemon} -c /etc/latchkey/{conf}"]
    # The socket is where the daemon would have put it by itself.
    listen = re.search(rf'^{group} = .*?listen = "unix:([^"]+)"',
                       read("etc/latchkey.conf"), re.M | re.S)
    assert unit["ListenStream"] == [listen.group(1)]
    assert unit["SocketMode"] == [mode]


def test_systemd_http_socket_is_like_the_other_but_for_its_name_and_place():
    http, other = settings(HTTP), settings(units("latchkey-fcgi")[1])
    # The program goes by this name, and the examples by the place.
    assert http.pop("FileDescriptorName") == ["http"]
    assert '"http:"' in read("fcgi-auth/process/environment.c")
    assert http.pop("Service") == ["latchkey-fcgi.service"]
    listen, = http.pop("ListenStream")
    assert f"server unix:{listen}" in read("etc/nginx/latchkey-upstream.conf")
    for unit in http, other:
        del unit["Description"]
    del other["ListenStream"]
    assert http == other


@each
def test_systemd_service_shares_the_store_with_root(daemon):
    """Whose programs refuse a folder that is somebody else's."""
    service = settings(units(daemon)[0])
    store = re.search(r'path = "(/[^"]+)/[^"]+"', read("etc/latchkey.conf"))
    assert not {"StateDirectory", "StateDirectoryMode"} & set(service)
    assert service["ReadWritePaths"] == [store.group(1)]
    assert service["ExecStartPre"] == [
        f"+/usr/bin/install -d -o root -g {service['Group'][0]} -m 2770 "
        f"{store.group(1)}"]


@each
def test_systemd_verify_finds_nothing_wrong(place, daemon):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    service, unit = units(daemon)
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={BUILD}/{daemon}",
                  read(service), flags=re.M)
    paths = [place.write(f"{daemon}.service", text, 0o644),
             place.write(f"{daemon}.socket", read(unit), 0o644),
             place.write("latchkey-fcgi-http.socket", read(HTTP), 0o644)]
    if daemon != "latchkey-fcgi":
        paths.pop()
    result = run("systemd-analyze", "verify", "--man=no", *paths)
    if "Failed to" in result.stderr and "manager" in result.stderr:
        pytest.skip(result.stderr)
    assert (result.returncode, result.stderr) == (0, "")


@each
def test_systemd_exposure_is_at_most_1_5(daemon):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    result = run("systemd-analyze", "security", "--offline=yes",
                 "--no-pager", "--threshold=15", units(daemon)[0])
    if "unrecognized option" in result.stderr:
        pytest.skip(result.stderr)
    assert result.returncode == 0, result.stdout.splitlines()[-1]
    assert f"Overall exposure level for {daemon}.service" in result.stdout
