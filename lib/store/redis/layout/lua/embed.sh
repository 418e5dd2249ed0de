#!/bin/sh
# Print a C header that holds each Lua script named on the command line: its
# text without comments, with what it includes from beside it, and the SHA-1 by
# which EVALSHA calls it.
set -eu
export LC_ALL=C

# Redis is sent no comments.
text() {
	awk -v folder="$(dirname "$1")" '
		function take(file,   line, word) {
			while ((getline line < file) > 0) {
				split(line, word, " ")
				if (line ~ /^-- include /)
					take(folder "/" word[3])
				else if (line !~ /^\t*--/)
					print line
			}
			close(file)
		}
		BEGIN { take(ARGV[1]) }' "$1"
}

printf '/* Made from lib/store/redis/layout/lua/ by embed.sh; wants wire/command.h. */\n\n'
for file; do
	name=$(basename "$file" .lua)
	sha1=$(text "$file" | sha1sum | cut -c1-40)
	# As numbers, since a string of C need not be as long.
	printf 'static const char %s_text[] = {\n' "$name"
	text "$file" | od -An -v -tu1 | sed -e 's/[0-9][0-9]*/&,/g'
	printf '0 };\n'
	printf 'static const struct lk_redis_script %s_script = {\n' "$name"
	printf '\t.sha1 = "%s", .text = %s_text\n};\n\n' "$sha1" "$name"
done
