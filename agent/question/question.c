#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "question/question.h"
#include "session/record.h"
#include "session/token.h"
#include "session/user.h"

#define PREFIX "/v1/"
#define TOKEN AGENT_BIT(AGENT_TOKEN)
#define ID AGENT_BIT(AGENT_ID)
#define USER AGENT_BIT(AGENT_USER)
#define CLIENT AGENT_BIT(AGENT_CLIENT)
#define TTL AGENT_BIT(AGENT_TTL)
#define PEER AGENT_BIT(AGENT_PEER)
#define AGENT AGENT_BIT(AGENT_AGENT)
#define URL AGENT_BIT(AGENT_URL)
#define REASON AGENT_BIT(AGENT_REASON)
#define DETAIL AGENT_BIT(AGENT_DETAIL)

/* Of the fields that name what it is about there must be just one. */
static const struct verb {
	const char *name;
	const char *method;
	enum lk_may may;
	unsigned int about; /* one of these fields */
	unsigned int takes; /* and these as well */
} verbs[AGENT_VERB_COUNT] = {
	[AGENT_NO_VERB] = { "none", "", LK_MAY_NOTHING, 0, 0 },
	[AGENT_CHECK] = { "check", "POST", LK_MAY_CHECK, TOKEN, DETAIL },
	[AGENT_CHECK_ID] = { "check-id", "POST", LK_MAY_CHECK, ID, DETAIL },
	[AGENT_ISSUE] = { "issue", "POST", LK_MAY_ISSUE, USER,
	    CLIENT | TTL | PEER | AGENT | URL | AGENT_BIT(AGENT_REPLACES) },
	[AGENT_REFRESH] = { "refresh", "POST", LK_MAY_REFRESH, TOKEN, TTL },
	[AGENT_REVOKE] = { "revoke", "POST", LK_MAY_REVOKE, TOKEN | ID,
	    REASON | PEER },
	[AGENT_REVOKE_ALL] = { "revoke-all", "POST", LK_MAY_REVOKE, USER,
	    TOKEN | REASON | PEER },
	[AGENT_LOGOUT_OTHERS] = { "logout-others", "POST", LK_MAY_REVOKE, TOKEN,
	    REASON | PEER },
	[AGENT_SESSIONS] = { "sessions", "GET", LK_MAY_LIST, USER, 0 },
	[AGENT_HISTORY] = { "history", "GET", LK_MAY_LIST, USER, 0 },
	[AGENT_LOAD_USER] = { "user", "POST", LK_MAY_USER, USER, DETAIL | TTL },
	[AGENT_GET_USER] = { "user-get", "POST", LK_MAY_USER, USER, 0 },
	[AGENT_DELETE_USER] = { "user-delete", "POST", LK_MAY_USER, USER, 0 },
	[AGENT_ISSUE_ACCESS] = { "token", "POST", LK_MAY_TOKEN, TOKEN,
	    TTL | AGENT_BIT(AGENT_AUDIENCE) },
	[AGENT_INTROSPECT] = { "introspect", "POST", LK_MAY_CHECK, TOKEN,
	    AGENT_BIT(AGENT_TOKEN_TYPE_HINT) },
	[AGENT_HEALTH] = { "health", "GET", LK_MAY_NOTHING, 0, 0 },
	[AGENT_METRICS] = { "metrics", "GET", LK_MAY_NOTHING, 0, 0 },
};

/* What is told of the reasons that sessions end for. */
static const char *const reasons[] = { "logout", "logout-all", "logout-others",
	"revoked" };

const char *
agent_verb_name(enum agent_verb verb)
{
	return (verbs[verb].name);
}

/* ---- The path, the method, the type -------------------------------------- */

/* Paths have one spelling, and so are compared as they stand. */
static enum agent_verb
find_verb(const char *target, size_t len)
{
	const size_t prefix = sizeof(PREFIX) - 1;
	int i;

	if (strncmp(target, PREFIX, prefix) != 0)
		return (AGENT_NO_VERB);
	for (i = AGENT_NO_VERB + 1; i < AGENT_VERB_COUNT; i++) {
		if (strlen(verbs[i].name) == len - prefix &&
		    memcmp(verbs[i].name, target + prefix, len - prefix) == 0)
			return ((enum agent_verb)i);
	}
	return (AGENT_NO_VERB);
}

/* Whether ${text} is ${type}, in UTF-8 if anything is said of that. */
static bool
is_type(const char *text, const char *type)
{
	static const char charset[] = "charset=", utf8[] = "utf-8";
	const size_t len = strlen(type);

	if (strncasecmp(text, type, len) != 0)
		return (false);
	text += len;
	text += strspn(text, " \t");
	if (*text == '\0')
		return (true);
	if (*text++ != ';')
		return (false);
	text += strspn(text, " \t");
	if (strncasecmp(text, charset, sizeof(charset) - 1) != 0)
		return (false);
	text += sizeof(charset) - 1;
	return (
	    strcasecmp(text, utf8) == 0 || strcasecmp(text, "\"utf-8\"") == 0);
}

static void
say(struct agent_wrong *wrong, unsigned int http, enum lk_status status,
    const char *message)
{
	*wrong = (struct agent_wrong){ http, status, message, NULL };
}

static void
say_invalid(struct agent_wrong *wrong, const char *message)
{
	say(wrong, 400, LK_E_INVAL, message);
}

static void
read_timeout(const struct agent_message *message,
    struct agent_question *question, struct agent_wrong *wrong)
{
	const char *text = message->timeout;
	const size_t len = text == NULL ? 0 : strspn(text, "0123456789");

	if (text == NULL)
		return;
	if (len > 0 && len <= 6 && text[len] == '\0')
		question->wait_ms = strtoll(text, NULL, 10);
	if (question->wait_ms == 0)
		say_invalid(wrong,
		    "a Latchkey-Timeout that is not 1 to 999999 milliseconds");
}

/* Find where the fields are, and read them. */
static void
read_fields(const struct agent_message *message, const struct verb *verb,
    struct agent_question *question, struct agent_wrong *wrong)
{
	const char *query = strchr(message->target, '?');
	const bool get = verb->method[0] == 'G';
	const char *text = message->body, *expected;
	size_t len = message->len;
	bool json = false;

	if (get && len > 0) {
		say_invalid(wrong, "a body, where fields are in the query");
		return;
	}
	if (!get && query != NULL) {
		say_invalid(wrong, "a query, where fields are in the body");
		return;
	}
	if (get) {
		text = query == NULL ? "" : query + 1;
		len = strlen(text);
	} else if (len > 0 || message->type != NULL) {
		json = message->type != NULL &&
		    is_type(message->type, "application/json");
		if (!json &&
		    (message->type == NULL ||
		        !is_type(message->type,
		            "application/x-www-form-urlencoded"))) {
			say(wrong, 415, LK_E_INVAL,
			    "the body is neither application/json nor "
			    "application/x-www-form-urlencoded");
			return;
		}
	}
	expected = agent_fields_read(text, len, json, verb->about | verb->takes,
	    &question->fields);
	if (expected != NULL)
		say_invalid(wrong, expected);
}

/* ---- What the fields say ------------------------------------------------- */

/* Whether there is just one of the set ${which} of fields. */
static bool
has_one(const struct agent_fields *fields, unsigned int which)
{
	size_t n = 0;
	int i;

	for (i = 0; i < AGENT_FIELD_COUNT; i++) {
		if ((which & AGENT_BIT(i)) != 0 && fields->at[i] != 0)
			n++;
	}
	return (n == 1);
}

static const char *
read_ttl(struct agent_question *question)
{
	const char *text = agent_field(&question->fields, AGENT_TTL);

	if (text == NULL)
		return (NULL);
	/* At most ten digits. */
	question->ttl = strtoll(text, NULL, 10);
	return (question->ttl >= LK_TTL_MIN && question->ttl <= LK_TTL_MAX
	        ? NULL
	        : "a ttl that is not 1 to 315360000 seconds");
}

static const char *
read_detail(struct agent_question *question)
{
	const char *text = agent_field(&question->fields, AGENT_DETAIL);

	if (text == NULL || question->verb == AGENT_LOAD_USER)
		return (NULL);
	question->detail = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
	return (question->detail || strcmp(text, "0") == 0 ||
	            strcmp(text, "false") == 0
	        ? NULL
	        : "a detail that is neither true nor false");
}

static const char *
read_names(struct agent_question *question)
{
	const char *user = agent_field(&question->fields, AGENT_USER);
	const char *client = agent_field(&question->fields, AGENT_CLIENT);
	const bool made = question->verb == AGENT_ISSUE ||
	    question->verb == AGENT_LOAD_USER;

	if (user != NULL &&
	    (made ? !lk_user_id_fits(user) : lk_user_id_check(user) != LK_OK))
		return ("a user id that is none");
	if (client != NULL && lk_client_check(client) != LK_OK)
		return ("a client kind that is none");
	question->about.user = user;
	if (question->verb == AGENT_ISSUE)
		question->about.client = client == NULL ? "" : client;
	return (NULL);
}

static const char *
read_reason(struct agent_question *question)
{
	const char *text = agent_field(&question->fields, AGENT_REASON);
	size_t i;

	for (i = 0; text != NULL && i < sizeof(reasons) / sizeof(reasons[0]);
	     i++) {
		if (strcmp(text, reasons[i]) == 0)
			return (NULL);
	}
	return (text == NULL ? NULL
	                     : "a reason that is not logout, logout-all, "
	                       "logout-others or revoked");
}

/* What has no form of its kind is refused, as what is not known is. */
static const char *
read_bearer(struct agent_question *question)
{
	const char *token = agent_field(&question->fields, AGENT_TOKEN);
	const char *id = agent_field(&question->fields, AGENT_ID);
	struct lk_session_ref ref;

	if (token != NULL)
		question->malformed = lk_token_set(&question->token, token,
		                          strlen(token)) != LK_OK ||
		    !lk_token_has_shape(&question->token);
	else if (id != NULL)
		question->malformed = lk_session_id_parse(id, &ref) != LK_OK;
	return (NULL);
}

/* Understand the fields of ${verb}. */
static void
understand(const struct verb *verb, struct agent_question *question,
    struct agent_wrong *wrong)
{
	static const char *(*const steps[])(struct agent_question *) = {
		read_ttl, read_detail, read_names, read_reason, read_bearer
	};
	const char *expected = NULL;
	size_t i;

	if (verb->about != 0 && !has_one(&question->fields, verb->about)) {
		say_invalid(wrong,
		    verb->about == (TOKEN | ID) ? "not just one of token and id"
		                                : "no token, id or user");
		return;
	}
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && expected == NULL;
	     i++)
		expected = steps[i](question);
	if (expected != NULL)
		say_invalid(wrong, expected);
	question->about.may = verb->may;
	/* A token beside a user is not what it is about. */
	question->about.named = (verb->about & (USER | ID)) != 0 &&
	    ((verb->about & TOKEN) == 0 ||
	        agent_field(&question->fields, AGENT_TOKEN) == NULL);
	question->about.ttl = question->ttl;
}

void
agent_question_read(const struct agent_message *message,
    struct agent_question *question, struct agent_wrong *wrong)
{
	const struct verb *verb;

	memset(question, 0, sizeof(*question));
	memset(wrong, 0, sizeof(*wrong));
	question->verb = find_verb(message->target,
	    strcspn(message->target, "?"));
	verb = &verbs[question->verb];
	if (question->verb == AGENT_NO_VERB) {
		say(wrong, 404, LK_E_INVAL, "there is no such path");
	} else if (strcmp(message->method, verb->method) != 0) {
		say(wrong, 405, LK_E_INVAL, "the method is another one here");
		wrong->allow = verb->method;
	} else if (message->too_long) {
		say(wrong, 413, LK_E_INVAL, "a body of more than 65536 bytes");
	} else {
		read_timeout(message, question, wrong);
		if (wrong->http == 0)
			read_fields(message, verb, question, wrong);
		if (wrong->http == 0)
			understand(verb, question, wrong);
	}
}

void
agent_question_free(struct agent_question *question)
{
	agent_fields_free(&question->fields);
	lk_token_wipe(&question->token);
	question->about.user = question->about.client = NULL;
}
