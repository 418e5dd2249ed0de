/* The verb `jwt`: access tokens, and the keys that sign them. */
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "ctl.h"
#include "jwt/jwt.h"

static int
print_line(struct ctl *ctl)
{
	lk_buf_str(&ctl->out, "\n");
	return (CTL_DONE);
}

/* `jwt keygen FILE` */
static int
keygen(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_option none[] = { { NULL, NULL, NULL } };
	struct lk_error error = { "" };
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, none, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one FILE for the new key"));
	status = lk_jwt_keygen(argv[0], &ctl->out, &error);
	if (status == LK_OK)
		return (print_line(ctl));
	ctl_say(ctl, "%s", error.text);
	return ((int)ctl_exit_of(status));
}

/* `jwt jwks` */
static int
jwks(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_option none[] = { { NULL, NULL, NULL } };
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, none, &operands)) != 0)
		return (code);
	if (operands != 0)
		return (ctl_usage(ctl, "no operand"));
	lk_jwt_jwks(ctl->settings, &ctl->out);
	return (print_line(ctl));
}

/* `jwt issue TOKEN` */
static int
issue(struct ctl *ctl, int argc, char **argv)
{
	struct lk_access_options want = { .ttl = 0 };
	const char *ttl = NULL;
	const struct ctl_option options[] = { { "--ttl", NULL, &ttl },
		{ "--audience", NULL, &want.audience }, { NULL, NULL, NULL } };
	struct lk_token token, access;
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one TOKEN"));
	if (ttl != NULL && (code = ctl_seconds(ctl, ttl, &want.ttl)) != 0)
		return (code);
	if ((status = ctl_token(ctl, argv[0], &token)) != LK_OK)
		return ((int)ctl_exit_of(status));
	status = lk_access_issue(ctl->manager, &token, &want, &access, NULL);
	lk_token_wipe(&token);
	code = ctl_answer(ctl, status, "session");
	if (status == LK_OK) {
		lk_buf_add(&ctl->out, access.text, access.len);
		lk_buf_str(&ctl->out, "\n");
		code = ctl_print_exactly(ctl);
	}
	lk_token_wipe(&access);
	return (code);
}

/* Judge ${access}, and unless ${offline} ask the store for its session. */
static enum lk_status
verify_access(struct ctl *ctl, const struct lk_token *access, bool offline,
    struct lk_error *why)
{
	struct lk_buf claims = LK_BUF_INIT(LK_TOKEN_MAX);
	struct lk_buf line = LK_BUF_INIT(LK_TOKEN_MAX);
	struct lk_session session;
	enum lk_status status = LK_FAULT;

	status = lk_jwt_verify(ctl->settings, access, time(NULL), &claims,
	    &session, why);
	if (status == LK_OK) {
		lk_json_compact(claims.data, claims.len, &line);
		if (!line.failed)
			lk_json_shown(line.data, &ctl->out);
		ctl->out.failed |= line.failed;
	}
	lk_buf_free(&line);
	lk_buf_free(&claims);
	if (status != LK_OK || offline)
		return (status);
	status = lk_check(ctl->manager, access, &session);
	if (status != LK_OK)
		*why = (struct lk_error){ "" };
	if (status != LK_OK && lk_manager_error(ctl->manager)[0] != '\0')
		memcpy(why->text, lk_manager_error(ctl->manager),
		    strlen(lk_manager_error(ctl->manager)) + 1);
	return (status);
}

/* `jwt verify JWT` */
static int
verify(struct ctl *ctl, int argc, char **argv)
{
	bool offline = false;
	const struct ctl_option options[] = { { "--offline", &offline, NULL },
		{ NULL, NULL, NULL } };
	struct lk_error why = { "" };
	struct lk_token access;
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one JWT"));
	if ((status = ctl_any_token(ctl, argv[0], &access)) != LK_OK)
		return ((int)ctl_exit_of(status));
	status = verify_access(ctl, &access, offline, &why);
	lk_token_wipe(&access);
	if (status == LK_OK)
		return (print_line(ctl));
	lk_buf_reset(&ctl->out);
	ctl_say(ctl, "access token: %s: %s", lk_status_name(status), why.text);
	return ((int)ctl_exit_of(status));
}

int
ctl_jwt(struct ctl *ctl, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct ctl *ctl, int argc, char **argv);
	} actions[] = { { "keygen", keygen }, { "issue", issue },
		{ "verify", verify }, { "jwks", jwks } };
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(argv[1], actions[i].name) == 0)
			return (actions[i].run(ctl, argc - 1, argv + 1));
	}
	return (ctl_usage(ctl, "keygen, issue, verify or jwks"));
}
