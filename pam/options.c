#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "options.h"
#include "session/record.h"
#include "settings/settings.h"

/* Longest value of an option, in bytes: what the settings allow as well. */
#define CONF_MAX 4095
#define PROMPT_MAX 256
#define FIELD_MAX 64

/* Fills in a value; returns NULL, or what was expected. */
typedef const char *take_fn(struct pam_options *options, const char *value);

static const char *
take_conf(struct pam_options *options, const char *value)
{
	if (value[0] != '/' || strlen(value) > CONF_MAX)
		return ("the absolute path of a settings file");
	options->conf = value;
	return (NULL);
}

static const char *
take_prompt(struct pam_options *options, const char *value)
{
	if (value[0] == '\0' || strlen(value) > PROMPT_MAX)
		return ("a text of 1 to 256 bytes");
	options->prompt = value;
	return (NULL);
}

static const char *
take_user_field(struct pam_options *options, const char *value)
{
	if (value[0] == '\0' || strlen(value) > FIELD_MAX)
		return ("the name of a member of the user's detail");
	options->user_field = value;
	return (NULL);
}

static const char *
take_client(struct pam_options *options, const char *value)
{
	if (lk_client_check(value) != LK_OK)
		return ("a client kind: 1 to 32 of A-Z a-z 0-9 . _ -");
	options->client = value;
	return (NULL);
}

/* Read a decimal number of at most ${max}. */
static bool
take_number(const char *value, unsigned int max, unsigned int *number)
{
	uint64_t n = 0;
	const char *p;

	for (p = value; *p >= '0' && *p <= '9' && n <= max; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (p == value || *p != '\0' || n > max)
		return (false);
	*number = (unsigned int)n;
	return (true);
}

static const char *
take_fail_delay(struct pam_options *options, const char *value)
{
	return (take_number(value, PAM_FAIL_DELAY_MAX, &options->fail_delay_ms)
	        ? NULL
	        : "0 to 10000 milliseconds");
}

static const char *
take_min_uid(struct pam_options *options, const char *value)
{
	/* The number above is that of nobody: "no change" to the kernel. */
	return (take_number(value, UINT32_MAX - 1, &options->min_uid)
	        ? NULL
	        : "a user id: 0 to 4294967294");
}

/* Every option there is: a switch, or one that takes a value. */
static const struct option {
	const char *name;
	size_t offset; /* of a switch, in struct pam_options */
	take_fn *take; /* NULL: a switch */
} table[] = {
	{ "conf", 0, take_conf },
	{ "prompt", 0, take_prompt },
	{ "user_field", 0, take_user_field },
	{ "client", 0, take_client },
	{ "fail_delay", 0, take_fail_delay },
	{ "min_uid", 0, take_min_uid },
	{ "use_first_pass", offsetof(struct pam_options, use_first_pass),
	    NULL },
	{ "try_first_pass", offsetof(struct pam_options, try_first_pass),
	    NULL },
	{ "set_user", offsetof(struct pam_options, set_user), NULL },
	{ "require_token", offsetof(struct pam_options, require_token), NULL },
	{ "revoke_on_close", offsetof(struct pam_options, revoke_on_close),
	    NULL },
	{ "silent", offsetof(struct pam_options, silent), NULL },
	{ "debug", offsetof(struct pam_options, debug), NULL },
};

#define OPTIONS (sizeof(table) / sizeof(table[0]))

static size_t
find_option(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < OPTIONS; i++) {
		if (strlen(table[i].name) == len &&
		    memcmp(table[i].name, name, len) == 0)
			break;
	}
	return (i);
}

/* Take one argument; returns NULL, or what was expected. */
static const char *
take_argument(struct pam_options *options, const char *argument,
    bool seen[OPTIONS])
{
	const size_t len = strcspn(argument, "=");
	const size_t i = find_option(argument, len);
	bool *on;

	if (i == OPTIONS)
		return ("an option that exists");
	if (seen[i])
		return ("each option once");
	seen[i] = true;
	if (table[i].take != NULL)
		return (argument[len] != '='
		        ? "a value behind ="
		        : table[i].take(options, argument + len + 1));
	if (argument[len] != '\0')
		return ("no value behind it");
	on = (bool *)((char *)options + table[i].offset);
	*on = true;
	return (NULL);
}

enum lk_status
pam_options_parse(int argc, const char *const *argv,
    struct pam_options *options, struct lk_error *error)
{
	bool seen[OPTIONS] = { false };
	const char *want;
	int i;

	memset(options, 0, sizeof(*options));
	options->conf = LK_SETTINGS_PATH;
	for (i = 0; i < argc; i++) {
		want = take_argument(options, argv[i], seen);
		if (want != NULL)
			return (lk_fail(error, LK_E_SETTINGS,
			    "option %.64s: expected %s", argv[i], want));
	}
	if (options->use_first_pass && options->try_first_pass)
		return (lk_fail(error, LK_E_SETTINGS,
		    "option try_first_pass: expected no use_first_pass beside "
		    "it"));
	return (LK_OK);
}
