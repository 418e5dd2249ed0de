#!/bin/sh
# What a client says about itself is forgotten, for lighttpd's include_shell.
#
# To programs every sign of a header's name is the same one: X.Latchkey_User is
# HTTP_X_LATCHKEY_USER, like X-Latchkey-User.  So each name is forgotten with
# each sign in each place.  This prints the setting that says so.  A further
# name of gate.headers is added below.

signs="- _ ! # $ % & ' * + . ^ \` | ~"

# A shell would take * for files.
set -f
echo 'setenv.set-request-header = ('
for sign in $signs; do
	for name in User Session Client Expires Detail Groups; do
		echo "\"Latchkey$sign$name\" => \"\","
		for first in $signs; do
			echo "\"X${first}Latchkey$sign$name\" => \"\","
		done
	done
	echo "\"Remote${sign}User\" => \"\","
done
echo '"Forwarded" => "" )'
