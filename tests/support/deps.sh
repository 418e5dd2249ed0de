#!/bin/sh
# Install the Debian packages named on the command line, if they are missing.
# `one|other` is satisfied by either.  Quick, and silent, if all is there.
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

# The first of the alternatives that apt knows.
choose() {
	for package in $(printf '%s' "$1" | tr '|' ' '); do
		if available "$package"; then
			printf '%s\n' "$package"
			return
		fi
	done
	printf '%s\n' "${1%%|*}"
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
	if ! command -v sudo > /dev/null; then
		echo "As root: apt-get install$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
# RUNLEVEL=1 keeps invoke-rc.d from starting the services that are installed;
# the tests start their own.
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq \
	    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
	    -o Dpkg::Use-Pty=0 "$@"
}

echo "Installing:$missing"
apt update
packages=
for wanted in $missing; do
	packages="$packages $(choose "$wanted")"
done
# shellcheck disable=SC2086
apt install -y --no-install-recommends $packages > /dev/null
