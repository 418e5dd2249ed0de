"""Installing what the tests need leaves nothing behind that runs."""

import subprocess

from support.place import ROOT

# Commands of the script's, each saying in ${log} what it was asked.
STUBS = {
    "dpkg-query": """
case "$*" in
*'${Package}'*) cat "$here/installed" ;;
*) grep -q "^installed $4\\$" "$here/installed" && printf installed ;;
esac""",
    "dpkg": """
printf '%s\\n' "/lib/systemd/system/$2.service" "/etc/init.d/$2" /etc/x""",
    "apt-cache": """
case $2 in
lacking|redis-server) echo '  Candidate: (none)' ;;
*) echo '  Candidate: 1.0' ;;
esac""",
    "apt-get": """
case "$*" in
*install*broken*)
    echo "E: it broke"
    exit 100 ;;
*install*)
    [ -x "$here/policy-rc.d" ] && "$here/policy-rc.d"
    echo "policy $?" >> "$here/log"
    printf 'installed web\\ninstalled systemd-x\\n' >> "$here/installed" ;;
esac""",
    "deb-systemd-helper": '[ -n "$DPKG_MAINTSCRIPT_PACKAGE" ]',
    "update-rc.d": "",
    "id": "echo ${LK_UID:-0}",
}


def run(place, *packages, sudo=True, **environment):
    """Run the script among the stubs; what it says, and what was asked."""
    for name, text in {**STUBS, **({"sudo": '"$@"'} if sudo else {})}.items():
        place.write(f"bin/{name}", f"""#!/bin/sh
here={place.path}
echo "{name} $*" >> "$here/log"
{text}
""", 0o755)
    place.write("installed", "installed old\n")
    place.write("log", "")
    script = (ROOT / "tests/support/deps.sh").read_text().replace(
        "/usr/sbin/policy-rc.d", str(place.path / "policy-rc.d"))
    tools = "/usr/bin:/bin"
    if not sudo:
        place.write("only/x", "")
        for tool in ("sh", "grep", "sed", "sort", "tr", "cat", "mktemp", "rm"):
            (place.path / "only" / tool).symlink_to(f"/usr/bin/{tool}")
        tools = str(place.path / "only")
    done = subprocess.run(
        ["/bin/sh", place.write("deps.sh", script), *packages], text=True,
        capture_output=True, check=False,
        env={"PATH": f"{place.path}/bin:{tools}", **environment})
    return done, (place.path / "log").read_text().splitlines()


def test_deps_start_no_service_now_and_none_at_the_next_boot(place):
    done, asked = run(place, "old", "web")
    assert done.returncode == 0, done.stderr
    assert "Not disabled" not in done.stdout
    assert "policy 101" in asked
    assert not (place.path / "policy-rc.d").exists()
    assert "deb-systemd-helper disable web.service" in asked
    assert "update-rc.d web disable" in asked
    assert not [line for line in asked if "disable systemd-x" in line]
    assert not [line for line in asked if "disable old" in line]


def test_deps_leave_a_policy_of_the_machines_own_alone(place):
    place.write("policy-rc.d", "#!/bin/sh\nexit 7\n", 0o755)
    _, asked = run(place, "web")
    assert "policy 7" in asked
    assert (place.path / "policy-rc.d").exists()


def test_deps_that_a_release_lacks_are_named_and_left_out(place):
    done, asked = run(place, "lacking", "redis-server|valkey-server")
    assert done.returncode == 0, done.stderr
    assert "This release has no package lacking" in done.stdout
    assert [line.rsplit(" ", 1)[1] for line in asked
            if "apt-get" in line and " install " in line] == ["valkey-server"]


def test_deps_without_root_and_sudo_print_a_line_to_paste(place):
    done, _ = run(place, "web", "redis-server|valkey-server", sudo=False,
                  LK_UID="1000")
    assert done.returncode == 1
    assert done.stderr == (
        "As root: apt-get install web valkey-server\n")


def test_deps_say_what_went_wrong_and_nothing_else(place):
    done, _ = run(place, "broken")
    assert (done.returncode, done.stderr) == (1, "E: it broke\n")
    assert not (place.path / "policy-rc.d").exists()
