#!/bin/sh
# fresh.sh ROOT PACKAGES [BEFORE]: install the packages of a folder with apt in a
# fresh system below ROOT (as debootstrap --variant=minbase leaves it, which this
# uses up), upgraded from those in the folder BEFORE; run what debian/tests has;
# purge, twice.  Needs root.  Says `all is well`, or fails.
set -eu

root=$(realpath "$1") packages=$(realpath "$2") before=${3:+$(realpath "$3")}
here=$(realpath "$(dirname "$0")/../..")

if [ "${LATCHKEY_FRESH:-}" != "$root" ]; then
	export LATCHKEY_FRESH="$root"
	exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi

mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc none "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 none "$root/run"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
rm -rf "$root/new" "$root/old" "$root/tests"
cp -r "$packages" "$root/new"
[ -z "$before" ] || cp -r "$before" "$root/old"
cp -r "$here/debian/tests" "$root/tests"

inside() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive chroot "$root" sh -euc "$1"
}
apt() {
	inside "apt-get -qq -o Dpkg::Use-Pty=0 --allow-downgrades \
		--no-install-recommends -y $*"
}
ours() {
	inside "dpkg-query -W -f '\${Package}\\n' | grep latchkey | tr '\\n' ' '"
}
left() {
	inside "find / -xdev -name '*latchkey*' ! -path '/new*' ! -path '/old*' \
		! -path '/var/lib/latchkey*' ! -path '/tests*' \
		! -path '/var/log/*' ! -path '/var/cache/*'
		find /run -name '*latchkey*'"
}

apt update
if [ -n "$before" ]; then
	apt install /old/*.deb
	inside 'latchkey issue alice > /token && latchkey issue --ttl 60 bob'
	echo 'log = { level = "info"; };' >> "$root/etc/latchkey/latchkey.conf"
fi
apt install /new/*.deb
if [ -n "$before" ]; then
	inside 'latchkey check - < /token | grep alice
		grep info /etc/latchkey/latchkey.conf
		dpkg-deb -x /old/latchkey_*.deb /old/tree'
	echo '--- programs of both versions on one store'
	inside 'before=/old/tree/usr/bin/latchkey
		$before --version; latchkey --version
		new=$(latchkey issue carol) old=$($before issue carol)
		$before check "$new"; latchkey check "$old"
		$before revoke "$new"; latchkey revoke "$old"
		for program in latchkey $before; do
			for token in "$new" "$old"; do
				code=0
				$program check "$token" || code=$?
				[ $code -eq 1 ]
			done
		done'
fi
for test in "$here"/debian/tests/*; do
	[ -x "$test" ] || continue
	echo "--- debian/tests/${test##*/}"
	apt install "$(sed -n "/^Tests: ${test##*/}$/,/^Restr/p" \
		"$here/debian/tests/control" | sed 's/^[A-Z][a-z]*://; 1d; $d' |
		tr ',\n' '  ')"
	inside "/tests/${test##*/}"
done

echo '--- purged, sessions kept'
apt purge "$(ours)"
left > "$root/left"
cat "$root/left"
[ ! -s "$root/left" ]
inside 'test -e /var/lib/latchkey/sessions.db && getent passwd latchkey'
[ -z "$(inside 'grep -r latchkey /etc/pam.d || :')" ]

echo '--- purged, sessions deleted'
apt install /new/latchkey_*.deb
inside 'latchkey list alice
	echo latchkey latchkey/purge-sessions boolean true |
		debconf-set-selections'
apt purge latchkey
[ ! -e "$root/var/lib/latchkey" ]
[ -z "$(inside 'getent passwd latchkey || :')" ]
echo 'all is well'
