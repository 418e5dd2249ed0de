#!/bin/sh
# Print a C header that holds each Lua script named on the command line: its
# text, and the SHA-1 by which EVALSHA calls it.
set -eu
export LC_ALL=C

printf '/* Made from lib/store/redis/layout/lua/ by embed.sh; wants wire/command.h. */\n\n'
for file; do
	name=$(basename "$file" .lua)
	sha1=$(sha1sum < "$file" | cut -c1-40)
	printf 'static const struct lk_redis_script %s_script = {\n' "$name"
	printf '\t.sha1 = "%s",\n\t.text =\n' "$sha1"
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' \
		-e 's/^/\t\t"/' -e 's/$/\\n"/' "$file"
	printf '};\n\n'
done
