/* What spans keys, but for what a store asks of its own (backend.h). */
#include <inttypes.h>
#include <string.h>

#include "base/address.h"
#include "settings/table.h"

static enum lk_status
check_user(const struct lk_settings *settings, struct lk_error *error)
{
	const struct lk_strings *command = &settings->user.command;
	char got[LK_SETTING_TEXT_MAX];

	if (settings->user.source == LK_SOURCE_FILE &&
	    settings->user.path[0] == '\0')
		return (lk_settings_refuse(settings, "user.path", "user.source",
		    error,
		    "expected an absolute path, since user.source is \"file\", "
		    "got none"));
	if (settings->user.source == LK_SOURCE_EXEC && command->n == 0)
		return (lk_settings_refuse(settings, "user.command",
		    "user.source", error,
		    "expected a program and its arguments, since user.source "
		    "is \"exec\", got none"));
	if (command->n == 0 || command->v[0][0] == '/')
		return (LK_OK);
	lk_setting_quote(command->v[0], got);
	return (
	    lk_settings_refuse(settings, "user.command", "user.command", error,
	        "expected the absolute path of a program first, got %s", got));
}

/* All were read but for those that look where another does. */
static enum lk_status
check_tokens(const struct lk_settings *settings, struct lk_error *error)
{
	const struct lk_strings *tokens = &settings->gate.tokens;
	char got[LK_SETTING_TEXT_MAX];

	if (settings->gate.sources.n == tokens->n)
		return (LK_OK);
	lk_setting_quote(tokens->v[settings->gate.sources.n], got);
	return (lk_settings_refuse(settings, "gate.tokens", "gate.tokens",
	    error, "expected each place once, got %s again", got));
}

/* What browsers would not take is never set. */
static enum lk_status
check_cookie(const struct lk_settings *settings, struct lk_error *error)
{
	const char *key, *want;

	if (lk_cookie_check(&settings->cookie, &key, &want) == LK_OK)
		return (LK_OK);
	return (lk_settings_refuse(settings, key, "cookie.name", error,
	    "expected %s", want));
}

/*
 * A renewed session has session.ttl left, so that it must be more than what
 * is renewed: otherwise every request would renew it again.
 */
static enum lk_status
check_renewal(const struct lk_settings *settings, struct lk_error *error)
{
	if (settings->gate.renew_below < settings->session.ttl)
		return (LK_OK);
	return (lk_settings_refuse(settings, "gate.renew_below", "session.ttl",
	    error,
	    "expected less than session.ttl, which is %" PRId64
	    ", got %" PRId64,
	    settings->session.ttl, settings->gate.renew_below));
}

static enum lk_status
check_listen(const struct lk_settings *settings, struct lk_error *error)
{
	const char *listen = settings->gate.listen;
	char got[LK_SETTING_TEXT_MAX];
	struct lk_address address;

	if (settings->gate.allow_remote ||
	    (lk_address_parse(listen, &address) == LK_OK &&
	        lk_address_is_loopback(&address)))
		return (LK_OK);
	lk_setting_quote(listen, got);
	return (lk_settings_refuse(settings, "gate.listen", "gate.listen",
	    error,
	    "expected unix:/path or a loopback address, since FastCGI has "
	    "neither encryption nor a password (gate.allow_remote = true "
	    "allows it), got %s",
	    got));
}

enum lk_status
lk_settings_check(const struct lk_settings *settings, struct lk_error *error)
{
	static enum lk_status (*const checks[])(const struct lk_settings *,
	    struct lk_error *) = { check_user, check_tokens, check_cookie,
		check_renewal, check_listen };
	enum lk_status status = LK_OK;
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]) && status == LK_OK;
	     i++)
		status = checks[i](settings, error);
	return (status);
}
