#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/string_list.h"
#include "ctl.h"
#include "jwt/jwt.h"
#include "session/token.h"

/* Longest option, and more. */
#define OPTION_MAX 40

/* ---- Guessing what was meant --------------------------------------------- */

void
ctl_guess(struct ctl_guess *guess, const char *name)
{
	const size_t typos = lk_typos(guess->word, guess->len, name,
	    strlen(name));

	if (typos <= LK_TYPOS_MAX &&
	    (guess->best == NULL || typos < guess->typos)) {
		guess->best = name;
		guess->typos = typos;
	}
}

/* Whether it can be shown: what looks like no option may be a secret. */
static bool
looks_like_option(const char *word, size_t len)
{
	return (len <= OPTION_MAX &&
	    strspn(word, "-abcdefghijklmnopqrstuvwxyz") >= len);
}

/* Refuse an argument that begins with a dash and is no option. */
static int
refuse_option(const struct ctl *ctl, const struct ctl_option *options,
    const char *word, size_t len)
{
	const size_t dashes = strspn(word, "-");
	struct ctl_guess guess = { .word = word + dashes, .len = len - dashes };

	if (!looks_like_option(word, len)) {
		ctl_say(ctl,
		    "an argument that begins with a dash is no option; if it "
		    "is meant as it is, put -- before it");
		return (CTL_USAGE);
	}
	for (; options->name != NULL; options++)
		ctl_guess(&guess, options->name + 2);
	if (guess.len > 0 && guess.best != NULL)
		ctl_say(ctl, "unknown option %.*s, did you mean --%s?",
		    (int)len, word, guess.best);
	else if (strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0)
		ctl_say(ctl, "option %s: expected before the verb", word);
	else
		ctl_say(ctl,
		    "unknown option %.*s; if it is meant as it is, put -- "
		    "before it",
		    (int)len, word);
	return (CTL_USAGE);
}

/* ---- Options and operands ---------------------------------------------- */

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

/* Take option ${o}, with what follows its name as ${equals} or ${next}. */
static int
take_option(const struct ctl *ctl, const struct ctl_option *o,
    const char *equals, const char *next)
{
	const char *value = equals != NULL ? equals + 1 : next;

	if (o->flag != NULL ? *o->flag : *o->value != NULL)
		ctl_say(ctl, "option %s: given twice", o->name);
	else if (o->flag != NULL && equals != NULL)
		ctl_say(ctl, "option %s: expected no value", o->name);
	else if (o->flag == NULL && value == NULL)
		ctl_say(ctl, "option %s: expected a value", o->name);
	else {
		if (o->flag != NULL)
			*o->flag = true;
		else
			*o->value = value;
		return (CTL_DONE);
	}
	return (CTL_USAGE);
}

int
ctl_options(const struct ctl *ctl, int argc, char **argv,
    const struct ctl_option *options, int *operands)
{
	const struct ctl_option *o;
	bool literal = false;
	const char *equals;
	size_t len;
	int i, code;

	*operands = 0;
	for (i = 1; i < argc; i++) {
		if (literal || argv[i][0] != '-' || argv[i][1] == '\0') {
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
		if ((o = find_option(options, argv[i], len)) == NULL)
			return (refuse_option(ctl, options, argv[i], len));
		code = take_option(ctl, o, equals, argv[i + 1]);
		if (code != CTL_DONE)
			return (code);
		if (o->flag == NULL && equals == NULL)
			i++;
	}
	return (CTL_DONE);
}

/* ---- Tokens and numbers ------------------------------------------------ */

/* Say that what has ${len} bytes is none. */
static void
say_no_token(const struct ctl *ctl, size_t len)
{
	ctl_say(ctl,
	    "token: %s: it has %s%zu bytes, where a token has %d and "
	    "begins with lk_, or is one of gosession",
	    lk_status_name(LK_MALFORMED),
	    len > LK_TOKEN_MAX ? "more than " : "",
	    len > LK_TOKEN_MAX ? (size_t)LK_TOKEN_MAX : len,
	    LK_TOKEN_LATCHKEY_LEN);
}

/* The first line of standard input, without its end. */
static enum lk_status
read_token(const struct ctl *ctl, struct lk_token *token, size_t *len)
{
	/* A token, CR and LF, and one byte that tells a longer line. */
	char line[LK_TOKEN_MAX + 3];
	enum lk_status status = LK_E_INVAL;
	const char *newline = NULL;
	ssize_t n = 1;

	while (newline == NULL && n != 0 && *len < sizeof(line)) {
		n = read(STDIN_FILENO, line + *len, sizeof(line) - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ctl_say(ctl, "token: cannot read standard input: %s",
			    strerror(errno));
			goto out;
		}
		newline = memchr(line + *len, '\n', (size_t)n);
		*len += (size_t)n;
	}
	if (newline != NULL)
		*len = (size_t)(newline - line);
	if (newline != NULL && *len > 0 && line[*len - 1] == '\r')
		--*len;
	status = lk_token_set(token, line, *len);
out:
	sodium_memzero(line, sizeof(line));
	return (status);
}

/* Take what may be a token, and say how long it was. */
static enum lk_status
take_token(const struct ctl *ctl, char *argument, struct lk_token *token,
    size_t *len)
{
	enum lk_status status = LK_FAULT;

	memset(token, 0, sizeof(*token));
	*len = 0;
	if (strcmp(argument, "-") == 0)
		return (read_token(ctl, token, len));
	*len = strlen(argument);
	status = lk_token_set(token, argument, *len);
	sodium_memzero(argument, *len);
	return (status);
}

enum lk_status
ctl_any_token(const struct ctl *ctl, char *argument, struct lk_token *token)
{
	size_t len;
	enum lk_status status = take_token(ctl, argument, token, &len);

	if (status == LK_MALFORMED)
		say_no_token(ctl, len);
	return (status);
}

enum lk_status
ctl_token(const struct ctl *ctl, char *argument, struct lk_token *token)
{
	size_t len;
	enum lk_status status = take_token(ctl, argument, token, &len);

	if (status == LK_OK && !lk_token_has_shape(token) &&
	    !lk_jwt_has_shape(ctl->settings, token))
		status = LK_MALFORMED;
	if (status == LK_MALFORMED)
		say_no_token(ctl, len);
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

int
ctl_expect_tokens(const struct ctl *ctl)
{
	if (lk_keeps_tokens(ctl->manager))
		return (CTL_DONE);
	ctl_say(ctl, "--tokens: only layout \"gosession\" keeps tokens");
	return (CTL_USAGE);
}
