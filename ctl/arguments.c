#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "ctl.h"

static const struct ctl_option *
find_option(const struct ctl_option *options, const char *name, size_t len)
{
	const struct ctl_option *o;

	for (o = options; o->name != NULL; o++) {
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return (o);
	}
	return (NULL);
}

int
ctl_options(const struct ctl *ctl, int argc, char **argv,
    const struct ctl_option *options, int *operands)
{
	const struct ctl_option *o;
	bool literal = false;
	const char *equals;
	size_t len;
	int i;

	*operands = 0;
	for (i = 1; i < argc; i++) {
		if (literal || strncmp(argv[i], "--", 2) != 0) {
			argv[(*operands)++] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			literal = true;
			continue;
		}
		equals = strchr(argv[i], '=');
		len = equals != NULL ? (size_t)(equals - argv[i])
		                     : strlen(argv[i]);
		o = find_option(options, argv[i], len);
		if (o == NULL || (o->flag != NULL && equals != NULL)) {
			ctl_say(ctl, "unknown option %.*s", (int)len, argv[i]);
			return (CTL_USAGE);
		}
		if (o->flag != NULL)
			*o->flag = true;
		else if (equals != NULL)
			*o->value = equals + 1;
		else if (i + 1 < argc)
			*o->value = argv[++i];
		else {
			ctl_say(ctl, "option %s: expected a value", o->name);
			return (CTL_USAGE);
		}
	}
	return (CTL_DONE);
}

/* The first line of standard input, without its end. */
static enum lk_status
read_token(struct lk_token *token)
{
	/* A token, CR and LF, and one byte that tells a longer line. */
	char line[LK_TOKEN_MAX + 3];
	enum lk_status status = LK_FAULT;
	const char *newline = NULL;
	size_t len = 0;
	ssize_t n;

	while (newline == NULL && len < sizeof(line)) {
		n = read(STDIN_FILENO, line + len, sizeof(line) - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		newline = memchr(line + len, '\n', (size_t)n);
		len += (size_t)n;
	}
	if (newline != NULL)
		len = (size_t)(newline - line);
	if (newline != NULL && len > 0 && line[len - 1] == '\r')
		len--;
	status = lk_token_set(token, line, len);
	sodium_memzero(line, sizeof(line));
	return (status);
}

enum lk_status
ctl_token(const struct ctl *ctl, char *argument, struct lk_token *token)
{
	enum lk_status status = LK_FAULT;

	if (strcmp(argument, "-") == 0)
		status = read_token(token);
	else {
		status = lk_token_set(token, argument, strlen(argument));
		sodium_memzero(argument, strlen(argument));
	}
	if (status != LK_OK)
		ctl_say(ctl, "token: %s", lk_status_name(status));
	return (status);
}

int
ctl_seconds(const struct ctl *ctl, const char *text, int64_t *seconds)
{
	size_t i;

	*seconds = 0;
	for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 10; i++)
		*seconds = *seconds * 10 + (text[i] - '0');
	if (i > 0 && text[i] == '\0' && *seconds >= LK_TTL_MIN &&
	    *seconds <= LK_TTL_MAX)
		return (CTL_DONE);
	ctl_say(ctl, "--ttl: expected %d to %d seconds", LK_TTL_MIN,
	    LK_TTL_MAX);
	return (CTL_USAGE);
}
