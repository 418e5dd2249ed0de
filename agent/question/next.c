#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "question/next.h"

/* ---- Whose it is --------------------------------------------------------- */

/* The length of a host without the usual port of its scheme. */
static size_t
without_port(const char *host, size_t len, const char *port)
{
	const size_t n = strlen(port);

	return (
	    len > n && strncmp(host + len - n, port, n) == 0 ? len - n : len);
}

static bool
is_among(const struct lk_strings *hosts, const char *host, size_t len,
    const char *port)
{
	size_t i, n;

	len = without_port(host, len, port);
	for (i = 0; i < hosts->n; i++) {
		n = without_port(hosts->v[i], strlen(hosts->v[i]), port);
		if (n == len && strncasecmp(hosts->v[i], host, len) == 0)
			return (true);
	}
	return (false);
}

/* The path in ${url}, which is on this site or on one of ${hosts}; or NULL. */
static const char *
find_path(const char *url, const struct lk_strings *hosts)
{
	static const struct {
		const char *scheme, *port;
	} known[] = { { "https://", ":443" }, { "http://", ":80" } };
	const char *host;
	size_t i, len;

	if (url[0] == '/')
		return (url);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		len = strlen(known[i].scheme);
		if (strncasecmp(url, known[i].scheme, len) != 0)
			continue;
		host = url + len;
		len = strcspn(host, "/?#");
		if (!is_among(hosts, host, len, known[i].port))
			return (NULL);
		return (host[len] == '\0' ? "/" : host + len);
	}
	return (NULL);
}

/* ---- What it is ---------------------------------------------------------- */

/* The byte that ${text} begins with the encoding of; -1 if of none. */
static int
encoded(const char *text)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	char digits[3];

	if (text[1] == '\0' || strchr(hex, text[1]) == NULL ||
	    text[2] == '\0' || strchr(hex, text[2]) == NULL)
		return (-1);
	memcpy(digits, text + 1, 2);
	digits[2] = '\0';
	return ((int)strtol(digits, NULL, 16));
}

/* Whether nothing in ${text} could be read as something else. */
static bool
is_plain(const char *text, const char *not_encoded)
{
	static const char not_plain[] = "\\\"'`<>^{|}";
	int c;

	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~' ||
		    strchr(not_plain, *text) != NULL)
			return (false);
		if (*text != '%')
			continue;
		c = encoded(text);
		if (c < ' ' || c == 0x7f || strchr(not_encoded, c) != NULL)
			return (false);
	}
	return (true);
}

/* Whether a segment of ${path}, but for the last, is empty, or any has dots
 * alone. */
static bool
has_odd_segment(const char *path)
{
	size_t len;

	while (*path == '/') {
		path++;
		len = strcspn(path, "/");
		if ((len == 0 && *path == '/') ||
		    (len > 0 && strspn(path, ".") == len) ||
		    /* Its parameters are no part of its name to some. */
		    path[0] == ';' ||
		    (path[0] == '.' && path[strspn(path, ".")] == ';'))
			return (true);
		path += len;
	}
	return (false);
}

void
agent_next(const char *url, const struct lk_strings *hosts,
    char next[AGENT_NEXT_SIZE])
{
	const char *local = url == NULL ? NULL : find_path(url, hosts);
	char path[AGENT_NEXT_SIZE];
	size_t len;

	(void)snprintf(next, AGENT_NEXT_SIZE, "/");
	if (local == NULL || local[0] != '/' ||
	    strlen(local) >= AGENT_NEXT_SIZE)
		return;
	len = strcspn(local, "?#");
	memcpy(path, local, len);
	path[len] = '\0';
	if (is_plain(path, "%/\\.") && !has_odd_segment(path) &&
	    is_plain(local + len, "\\"))
		(void)snprintf(next, AGENT_NEXT_SIZE, "%s", local);
}
