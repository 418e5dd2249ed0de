#!/bin/sh
# The agent by hand: ./curl.sh VERB [FIELD=VALUE ...], such as
#
#     ./curl.sh issue user=alice client=web ttl=3600
#     ./curl.sh sessions user=alice
#     ./curl.sh revoke token=- < file-with-a-token
#
# prints what the agent says; exit status 0 if that is yes, 1 if it is no, 3 if
# nobody can tell.  A value `-` is read from standard input, so that no token
# stands in a list of processes.
set -eu

agent=${LATCHKEY_AGENT:-/run/latchkey/agent.sock}
verb=$1
shift
case $verb in
sessions|health|metrics) method=--get ;;
*) method=--request\ POST ;;
esac
for field; do
	shift
	# curl reads NAME@FILE as the file's content: NAME=VALUE has an equals
	# sign first, and so is taken as it stands.
	case $field in
	[!=]*=-) [ "${field#*=}" != - ] || field=${field%=-}@- ;;
	esac
	set -- "$@" --data-urlencode "$field"
done
# shellcheck disable=SC2086 # two words, or one
said=$(curl --silent --max-time 10 --unix-socket "$agent" $method "$@" \
	--write-out '\n%{http_code}' "http://localhost/v1/$verb") || said="
503"
printf '%s\n' "${said%
*}"
case ${said##*
} in
20[012]) exit 0 ;;
401|403|404|409|429) exit 1 ;;
503) exit 3 ;;
*) exit 2 ;;
esac
