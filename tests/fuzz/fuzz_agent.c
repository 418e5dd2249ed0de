/*
 * A question to the agent, as libmicrohttpd hands it over: a byte says the
 * method and the type, one who asks, and then come the target, a NUL and the
 * body.  Whatever it is, it is understood or refused with a reason, and nobody
 * is permitted what no row of his says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "question/next.h"
#include "question/question.h"

enum { CHECKER = 101, LOGIN = 33 };

static char *web[] = { (char[]){ "web" }, NULL };
static char *admin[] = { (char[]){ "admin" }, NULL };
static char *hosts[] = { (char[]){ "app.example.org" }, NULL };
static const struct lk_caller says[] = {
	{ .per_minute = 0 },
	{ .clients = { web, 1 }, .not_users = { admin, 1 }, .max_ttl = 86400 },
	{ .per_minute = 0 },
};
static uid_t checker[] = { CHECKER }, login[] = { LOGIN };
static uid_t nobody[] = { AGENT_NOBODY };
static struct agent_row rows_v[] = {
	{ &says[0], LK_MAY_CHECK, checker, 1, NULL, 0 },
	{ &says[1], LK_MAY_ISSUE | LK_MAY_REVOKE | LK_MAY_LIST, login, 1, NULL,
	    0 },
	{ &says[2], LK_MAY_USER, nobody, 1, NULL, 0 },
};
static const struct agent_rows rows = { 990, rows_v, 3 };

/* What was permitted must be what the rows say. */
static void
look_at(const struct agent_question *question, uid_t uid,
    const struct agent_permit *permit)
{
	const struct agent_about *about = &question->about;

	MUST(uid == 0 || uid == CHECKER || uid == LOGIN);
	if (uid == CHECKER)
		MUST((about->may == LK_MAY_CHECK ||
		         about->may == LK_MAY_NOTHING) &&
		    permit->row == 0);
	if (uid != LOGIN)
		return;
	MUST(permit->row == 1 && about->may != LK_MAY_CHECK);
	MUST(about->ttl <= 86400);
	if (about->named) {
		/* An id is anybody's until it is known whose. */
		MUST(about->user != NULL);
		MUST(strcmp(about->user, "admin") != 0);
	}
	if (question->verb == AGENT_ISSUE)
		MUST(strcmp(about->client, "web") == 0);
}

static void
look_at_next(const char *url)
{
	const struct lk_strings among = { hosts, 1 };
	char next[AGENT_NEXT_SIZE];
	const char *p;

	agent_next(url, &among, next);
	MUST(next[0] == '/' && next[1] != '/' && next[1] != '\\');
	for (p = next; *p != '\0'; p++)
		MUST(*p > ' ' && *p < 0x7f && *p != '\\' && *p != '"');
}

static void
ask(const struct agent_message *message, uid_t uid)
{
	gid_t groups[] = { AGENT_NOBODY };
	const struct agent_caller caller = { uid, 1, groups, 1 };
	struct agent_question question;
	struct agent_permit permit;
	struct agent_wrong wrong;

	agent_question_read(message, &question, &wrong);
	if (wrong.http != 0) {
		MUST(wrong.http >= 400 && wrong.http < 500);
		MUST(wrong.message != NULL && wrong.status != LK_OK);
		MUST((wrong.http == 405) == (wrong.allow != NULL));
	} else {
		MUST(question.verb != AGENT_NO_VERB);
		MUST(question.ttl >= 0 && question.ttl <= LK_TTL_MAX);
		look_at_next(agent_field(&question.fields, AGENT_URL));
		if (agent_permit(&rows, &caller, &question.about, &permit) ==
		    AGENT_PERMITTED)
			look_at(&question, uid, &permit);
	}
	agent_question_free(&question);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const methods[] = { "POST", "GET", "PUT", "post" };
	static const char *const types[] = {
		"application/x-www-form-urlencoded", "application/json",
		"application/json; charset=utf-8", NULL };
	static const uid_t uids[] = { 0, CHECKER, LOGIN, AGENT_NOBODY, 5000 };
	struct agent_message message = { .len = 0 };
	char *target;
	size_t n;

	if (len < 3 || len > AGENT_BODY_MAX)
		return (0);
	message.method = methods[bytes[0] & 3];
	message.type = types[bytes[0] >> 2 & 3];
	message.too_long = bytes[0] >> 7;
	n = strnlen((const char *)bytes + 2, len - 2);
	target = strndup((const char *)bytes + 2, n);
	MUST(target != NULL);
	message.target = target;
	if (n + 3 < len) {
		message.body = (const char *)bytes + n + 3;
		message.len = len - n - 3;
	}
	ask(&message, uids[bytes[1] % (sizeof(uids) / sizeof(uids[0]))]);
	free(target);
	return (0);
}
