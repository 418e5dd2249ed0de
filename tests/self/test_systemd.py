"""The unit files are ones that systemd takes, and keep the gate in."""

import re
import shutil

import pytest

from support.place import BUILD
from tree import files, read, run

SERVICE = "etc/systemd/latchkey-fcgi.service"
SOCKET = "etc/systemd/latchkey-fcgi.socket"

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


def test_systemd_files_are_all_tested():
    assert [str(path) for path in files("etc/systemd/*")] == [SERVICE, SOCKET]


def test_systemd_service_has_a_strict_sandbox():
    service = settings(SERVICE)
    assert {name: service.get(name) for name in SANDBOX} == {
        name: [value] for name, value in SANDBOX.items()}
    # In this order: what is taken away, and what of that is given back.
    assert service["SystemCallFilter"] == [
        "@system-service", "~@privileged @resources", "@chown"]
    assert service["SystemCallErrorNumber"] == ["EPERM"]
    # Under it the users of gate.allow_uids would all be one.
    assert "PrivateUsers" not in service
    assert service["User"] != ["root"]


def test_systemd_service_speaks_the_protocol_of_the_gate():
    service, unit = settings(SERVICE), settings(SOCKET)
    assert service["Type"] == ["notify"]
    assert service["NotifyAccess"] == ["main"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert service["Requires"] == ["latchkey-fcgi.socket"]
    # The socket is where the gate would have put it by itself.
    listen = re.search(r'listen = "unix:([^"]+)"', read("etc/latchkey.conf"))
    assert unit["ListenStream"] == [listen.group(1)]
    assert unit["SocketMode"] == ["0660"]


def test_systemd_service_shares_the_store_with_root():
    """Whose programs refuse a folder that is somebody else's."""
    service = settings(SERVICE)
    store = re.search(r'path = "(/[^"]+)/[^"]+"', read("etc/latchkey.conf"))
    assert not {"StateDirectory", "StateDirectoryMode"} & set(service)
    assert service["ReadWritePaths"] == [store.group(1)]
    assert service["ExecStartPre"] == [
        f"+/usr/bin/install -d -o root -g {service['Group'][0]} -m 2770 "
        f"{store.group(1)}"]


def test_systemd_verify_finds_nothing_wrong(place):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={BUILD}/latchkey-fcgi",
                  read(SERVICE), flags=re.M)
    paths = [place.write("latchkey-fcgi.service", text, 0o644),
             place.write("latchkey-fcgi.socket", read(SOCKET), 0o644)]
    result = run("systemd-analyze", "verify", "--man=no", *paths)
    if "Failed to" in result.stderr and "manager" in result.stderr:
        pytest.skip(result.stderr)
    assert (result.returncode, result.stderr) == (0, "")


def test_systemd_exposure_is_at_most_1_5():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    result = run("systemd-analyze", "security", "--offline=yes",
                 "--no-pager", "--threshold=15", SERVICE)
    if "unrecognized option" in result.stderr:
        pytest.skip(result.stderr)
    assert result.returncode == 0, result.stdout.splitlines()[-1]
    assert "Overall exposure level for latchkey-fcgi.service" in result.stdout
