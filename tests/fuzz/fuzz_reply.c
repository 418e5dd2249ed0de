/*
 * What the agent answers, or whoever sits in its place.  The first byte says
 * what was asked, and whether a head is put in front of what follows; the rest
 * is an answer.  Whatever it is, it is whole, or a part, or none; a part of a
 * whole one is never whole; and what is taken from it is what was asked about.
 */
#include <string.h>

#include "fuzz.h"
#include "session/record.h"
#include "session/user.h"
#include "store/agent/answer.h"

enum { CHECK = 0, CHECK_ID, ISSUE, LIST, COUNT, USER, DELETED, HISTORY, ASKED };
#define HEADED 0x80
#define DETAIL 0x40

#define TOKEN \
	"lk_K9gGyX8OAK8aH8Myj6djqd1apLwpu1WU0OZnbjucejZ8K3G2CppPI6OErCzrIIV5"

static void
look_at(const struct lk_session *session)
{
	struct lk_session_ref ref;

	MUST(lk_user_id_check(session->user) == LK_OK);
	MUST(session->ttl > 0 && session->expires_at >= 0);
	MUST(session->client[0] == '\0' ||
	    lk_client_check(session->client) == LK_OK);
	MUST(lk_session_id_parse(session->id, &ref) == LK_OK);
	MUST(lk_session_ref_is_of(&ref, LK_SHAPE_ANY, session->user));
}

static void
look_at_one(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	size_t *n = arg;

	MUST(token == NULL);
	look_at(session);
	MUST(strcmp(session->user, "alice") == 0);
	++*n;
}

static void
look_at_entry(void *arg, const struct lk_entry *entry)
{
	struct lk_session_ref ref;

	(void)arg;
	MUST(entry->time >= 0 && entry->user[0] == '\0');
	MUST((entry->event == LK_EVENT_ENDED) ==
	    (entry->reason != LK_REASON_NONE));
	MUST(entry->client[0] == '\0' ||
	    lk_client_check(entry->client) == LK_OK);
	MUST(entry->id[0] == '\0' ||
	    lk_session_id_parse(entry->id, &ref) == LK_OK);
}

static void
read_one_session(const struct lk_agent_reply *reply, bool by_id, bool detailed)
{
	struct lk_buf detail = LK_BUF_INIT(LK_DETAIL_MAX);
	char id[LK_SESSION_ID_MAX + 1];
	struct lk_session session;
	struct lk_token_key key;
	struct lk_token token;

	MUST(lk_token_set(&token, TOKEN, strlen(TOKEN)) == LK_OK);
	MUST(lk_token_parse(&token, &key) == LK_OK);
	lk_session_id_of_key(&key, LK_SHAPE_LATCHKEY, id);
	if (lk_agent_read_session(reply, by_id ? NULL : &key, id, &session,
	        detailed ? &detail : NULL)) {
		look_at(&session);
		MUST(strcmp(session.user, "alice") == 0);
		MUST(!by_id || strcmp(session.id, id) == 0);
	} else {
		MUST(session.user[0] == '\0' && session.ttl == 0);
	}
	lk_buf_free(&detail);
}

static void
read_issued(const struct lk_agent_reply *reply)
{
	struct lk_session session;
	struct lk_token_key key;
	struct lk_token token;
	uint8_t tag[LK_TAG_LEN];

	struct lk_gone gone = { .ids = LK_BUF_INIT(LK_GONE_IDS_MAX) };
	struct lk_session_ref ref;
	size_t at, told = 0;

	if (!lk_agent_read_issued(reply, "alice", "web", &token, &session,
	        &gone)) {
		MUST(token.len == 0 && session.ttl == 0 && gone.count == 0);
		lk_buf_free(&gone.ids);
		return;
	}
	look_at(&session);
	for (at = 0; at < gone.ids.len; at += strlen(gone.ids.data + at) + 1) {
		MUST(
		    lk_session_id_parse(gone.ids.data + at, &ref) == LK_OK);
		told++;
	}
	MUST(told <= gone.count && told <= LK_ISSUE_ENDED_MAX);
	lk_buf_free(&gone.ids);
	lk_user_tag("alice", tag);
	MUST(lk_token_parse(&token, &key) == LK_OK);
	MUST(memcmp(key.tag, tag, LK_TAG_LEN) == 0);
	lk_token_wipe(&token);
}

static void
read_as(int asked, const struct lk_agent_reply *reply, bool detailed)
{
	struct lk_buf record = LK_BUF_INIT(LK_USER_RECORD_MAX);
	struct lk_user user = { .detail = NULL };
	size_t n, seen = 0;
	uint64_t count;
	bool deleted;

	switch (asked) {
	case CHECK:
	case CHECK_ID:
		read_one_session(reply, asked == CHECK_ID, detailed);
		break;
	case ISSUE:
		read_issued(reply);
		break;
	case LIST:
		if (lk_agent_read_list(reply, "alice", &n, look_at_one, &seen))
			MUST(n == seen);
		break;
	case COUNT:
		(void)lk_agent_read_count(reply, &count);
		break;
	case USER:
		if (lk_agent_read_user(reply, &record) &&
		    lk_user_record_decode(record.data, record.len, &user) ==
		        LK_OK)
			MUST(user.detail != NULL);
		break;
	case HISTORY:
		(void)lk_agent_read_history(reply, look_at_entry, NULL);
		break;
	default:
		(void)lk_agent_read_deleted(reply, &deleted);
	}
	lk_user_clear(&user);
	lk_buf_free(&record);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct lk_buf text = LK_BUF_INIT((size_t)1 << 20);
	struct lk_agent_reply reply, part;
	enum lk_reason ended = LK_REASON_NONE;
	enum lk_status status;
	struct lk_error error;

	if (len == 0)
		return (0);
	if ((bytes[0] & HEADED) != 0)
		lk_buf_printf(&text,
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len - 1);
	lk_buf_add(&text, bytes + 1, len - 1);
	if (!text.failed && text.len > 0 &&
	    lk_agent_reply_read(text.data, text.len, &reply) ==
	        LK_AGENT_WHOLE) {
		MUST(lk_agent_reply_read(text.data, text.len - 1, &part) ==
		    LK_AGENT_PART);
		MUST(lk_agent_reply_read(text.data, text.len / 2, &part) ==
		    LK_AGENT_PART);
		MUST(reply.body + reply.len == text.data + text.len);
		status = lk_agent_refusal(&reply, "here", &ended, &error);
		MUST((status == LK_OK) ==
		    (reply.http >= 200 && reply.http <= 202));
		MUST(ended == LK_REASON_NONE || status == LK_UNKNOWN);
		MUST(status <= 0 || (reply.http >= 400 && reply.http < 410));
		if (status == LK_OK)
			read_as(bytes[0] % 8 % ASKED, &reply,
			    (bytes[0] & DETAIL) != 0);
	}
	lk_buf_free(&text);
	return (0);
}
