/*
 * A pattern with wildcards is run as an automaton that is in several places
 * of the pattern at once: no path makes it go back, however many stars the
 * pattern has.
 */
#include <string.h>

#include "session/rule.h"
#include "verdict/pattern.h"

/* A whole segment that may be missing, with the slash behind it. */
static const char any_segments[] = "**/";
#define ANY_SEGMENTS_LEN (sizeof(any_segments) - 1)

/*
 * The places of a pattern that is run: ${at}[i] if what is before i fits.  One
 * may be behind the end, since a prefix is run without its final slash.
 */
struct places {
	bool at[LK_RULE_PATH_MAX + 2];
};

/* Be at ${i}, and wherever a star that stands for nothing leads from there. */
static void
stay(struct places *places, const char *pattern, size_t i)
{
	places->at[i] = true;
	while (pattern[i] == '*')
		places->at[++i] = true;
}

/*
 * Get to ${i}, which may be the start of a segment.  Places are left in
 * order, so whoever is at the start of a segment already got there this way.
 */
static void
enter(struct places *places, const char *pattern, size_t i)
{
	if (places->at[i])
		return;
	stay(places, pattern, i);
	if (i > 0 && pattern[i - 1] == '/' &&
	    strncmp(pattern + i, any_segments, ANY_SEGMENTS_LEN) == 0)
		enter(places, pattern, i + ANY_SEGMENTS_LEN);
}

/* From place ${i} of ${pattern} take the byte ${c}. */
static void
step(struct places *next, const char *pattern, size_t i, char c)
{
	bool deep = pattern[i] == '*' && pattern[i + 1] == '*';

	if (pattern[i] == '*') {
		if (c != '/' || deep)
			stay(next, pattern, i);
		return;
	}
	if (pattern[i] == c || (pattern[i] == '?' && c != '/'))
		enter(next, pattern, i + 1);
}

/*
 * Whether the first ${len} bytes of ${pattern} match all of ${path}, or with
 * ${below} a part of it that ends before a slash.
 */
static bool
run(const char *pattern, size_t len, bool below, const char *path)
{
	struct places now, next;
	size_t i;

	memset(&now, 0, sizeof(now));
	enter(&now, pattern, 0);
	for (; *path != '\0'; path++) {
		if (below && *path == '/' && now.at[len])
			return (true);
		memset(&next, 0, len + 2);
		for (i = 0; i < len; i++) {
			if (now.at[i])
				step(&next, pattern, i, *path);
		}
		memcpy(&now, &next, len + 2);
	}
	return (now.at[len]);
}

bool
gate_pattern_matches(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);
	bool below = len > 0 && pattern[len - 1] == '/';

	if (len > LK_RULE_PATH_MAX || path[0] != '/')
		return (false);
	if (below)
		len--;
	if (strcspn(pattern, "*?") < len)
		return (run(pattern, len, below, path));
	if (strncmp(pattern, path, len) != 0)
		return (false);
	return (path[len] == '\0' || (below && path[len] == '/'));
}
