#!/bin/sh
# Install the Debian packages named on the command line, if they are missing.
# `one|other` is satisfied by either.  Quick, and silent, if all is there.
#
# A package that this release does not have is named and left out: what needs
# it is skipped, and says so.  No service that is installed here is started,
# now or at the next boot.
#
# Elsewhere than on Debian and Ubuntu it only says what to look for.
set -eu

installed() {
	for package in $(printf '%s' "$1" | tr '|' ' '); do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" \
		    2>/dev/null) in
		installed) return 0 ;;
		esac
	done
	return 1
}

available() {
	apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

# The first of the alternatives that apt knows, or nothing.
choose() {
	for package in $(printf '%s' "$1" | tr '|' ' '); do
		if available "$package"; then
			printf '%s\n' "$package"
			return
		fi
	done
}

# What is installed, a package a line.
all_installed() {
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' |
	    sed -n 's/^installed //p' | sort
}

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null
then
	echo "Packages are installed by hand on this system." \
	    "By their Debian names, this needs: $*"
	exit 0
fi

missing=
for wanted; do
	installed "$wanted" || missing="$missing $wanted"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	as_root=sudo
	if ! command -v sudo > /dev/null; then
		packages=
		for wanted in $missing; do
			packages="$packages $(choose "$wanted")"
		done
		echo "As root: apt-get install$packages" >&2
		exit 1
	fi
fi
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
	    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
	    -o Dpkg::Use-Pty=0 "$@"
}

# Package scripts ask this file whether they may start a service.  One that is
# there already has the last word.
POLICY=/usr/sbin/policy-rc.d
ours=
before=$(mktemp)
said=$(mktemp)
tidy() {
	rm -f "$before" "$said"
	[ -z "$ours" ] || $as_root rm -f "$POLICY"
}
trap tidy EXIT
trap 'exit 1' HUP INT TERM
forbid_starting() {
	[ ! -e "$POLICY" ] || return 0
	ours=yes
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$POLICY" > /dev/null
	$as_root chmod 755 "$POLICY"
}

# Let nothing that came with these packages run at the next boot.
disable_services() {
	for package; do
		case $package in
		systemd* | udev | dbus*) continue ;; # not only ours
		esac
		for path in $(dpkg -L "$package"); do
			name=${path##*/}
			case $path in
			*/systemd/system/*.service | */systemd/system/*.socket | \
			    */systemd/system/*.timer | */systemd/system/*.path)
				# For the scripts of packages; it asks whose.
				disable env DPKG_MAINTSCRIPT_PACKAGE="$package" \
				    deb-systemd-helper disable "$name" ;;
			/etc/init.d/?*)
				disable update-rc.d "$name" disable ;;
			esac
		done
	done
}
disable() {
	$as_root "$@" > /dev/null 2>&1 ||
	    echo "Not disabled for the next boot: $name"
}

echo "Installing:$missing"
apt update
packages=
for wanted in $missing; do
	package=$(choose "$wanted")
	if [ -n "$package" ]; then
		packages="$packages $package"
	else
		echo "This release has no package $wanted"
	fi
done
[ -n "$packages" ] || exit 0
all_installed > "$before"
forbid_starting
# shellcheck disable=SC2086
apt install -y --no-install-recommends $packages > "$said" 2>&1 || {
	cat "$said" >&2
	exit 1
}
# shellcheck disable=SC2046
disable_services $(all_installed | comm -13 "$before" -)
