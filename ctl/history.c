/* The verbs about what became of sessions. */
#include <inttypes.h>

#include "ctl.h"
#include "session/json_session.h"

struct listing {
	struct ctl *ctl;
	bool json;
	size_t count;
};

/* A member of a line, if it is known. */
static void
add(struct lk_buf *out, const char *name, const char *value)
{
	if (value[0] != '\0')
		lk_buf_printf(out, " %s=%s", name, value);
}

/* Who, from where, with what: the rest of a line, and its end. */
static void
add_origin(struct lk_buf *out, const struct lk_entry *entry)
{
	add(out, "client", entry->client);
	add(out, "peer", entry->peer);
	add(out, "actor", entry->actor);
	if (entry->count > 1)
		lk_buf_printf(out, " count=%" PRIu64, entry->count);
	add(out, "id", entry->id);
	/* It may have blanks, and comes last. */
	add(out, "agent", entry->agent);
	lk_buf_str(out, "\n");
}

static void
each_entry(void *arg, const struct lk_entry *entry)
{
	struct listing *l = arg;
	struct lk_buf *out = &l->ctl->out;

	if (l->json) {
		lk_buf_str(out, l->count == 0 ? "[\n" : ",\n");
		lk_json_entry(entry, out);
	} else {
		ctl_print_time(out, entry->time);
		lk_buf_printf(out, " %s",
		    entry->event == LK_EVENT_ISSUED ? "issued" : "ended");
		add(out, "reason", lk_reason_name(entry->reason));
		add_origin(out, entry);
	}
	l->count++;
}

static int
erase(struct ctl *ctl, const char *user)
{
	enum lk_status status = LK_FAULT;
	uint64_t erased;

	status = lk_history_erase(ctl->manager, user, &erased);
	if (status == LK_OK)
		lk_buf_printf(&ctl->out, "%" PRIu64 "\n", erased);
	return (ctl_answer(ctl, status, "history"));
}

int
ctl_history(struct ctl *ctl, int argc, char **argv)
{
	struct listing l = { .ctl = ctl };
	bool erases = false;
	const struct ctl_option options[] = { { "--json", &l.json, NULL },
		{ "--erase", &erases, NULL }, { NULL, NULL, NULL } };
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1 || (erases && l.json))
		return (ctl_usage(ctl, "one USER, and --json or --erase"));
	if (erases)
		return (erase(ctl, argv[0]));
	status = lk_history(ctl->manager, argv[0], each_entry, &l);
	if (status != LK_OK)
		lk_buf_reset(&ctl->out);
	else if (l.json)
		lk_buf_str(&ctl->out, l.count == 0 ? "[]\n" : "\n]\n");
	return (ctl_answer(ctl, status, "history"));
}

/* ---- why ---------------------------------------------------------------- */

static void
say_session(struct lk_buf *out, const struct lk_session *session)
{
	lk_buf_printf(out, "user     %s\nstate    live\nissued   ",
	    session->user);
	ctl_print_time(out, session->issued_at);
	add(out, "client", session->client);
	add(out, "peer", session->peer);
	add(out, "agent", session->agent);
	lk_buf_str(out, "\nrenewed  ");
	ctl_print_time(out, session->renewed_at);
	lk_buf_str(out, "\nexpires  ");
	ctl_print_time(out, session->expires_at);
	lk_buf_str(out, "\nends by  ");
	ctl_print_time(out, session->ends_by);
	lk_buf_str(out, "\n");
}

/* One screen: who, when, from where, by what, and what ended it. */
static void
say_why(struct lk_buf *out, const struct lk_why *why)
{
	const char *user = why->issued ? why->issue.user : why->end.user;

	if (why->live) {
		say_session(out, &why->session);
	} else {
		lk_buf_printf(out, "user     %s\nstate    %s\n",
		    user[0] != '\0' ? user : "-",
		    why->ended ? "ended" : "over");
	}
	if (why->issued) {
		lk_buf_str(out, "issue    ");
		ctl_print_time(out, why->issue.time);
		add_origin(out, &why->issue);
	}
	if (why->ended) {
		lk_buf_str(out, "end      ");
		ctl_print_time(out, why->end.time);
		add(out, "reason", lk_reason_name(why->end.reason));
		add_origin(out, &why->end);
	}
}

static void
say_why_json(struct lk_buf *out, const struct lk_why *why)
{
	lk_buf_str(out, "{\"live\":");
	lk_buf_str(out, why->live ? "true,\"session\":" : "false,\"session\":");
	if (why->live)
		lk_json_session(&why->session, NULL, out);
	else
		lk_buf_str(out, "null");
	lk_buf_str(out, ",\"issued\":");
	if (why->issued)
		lk_json_entry(&why->issue, out);
	else
		lk_buf_str(out, "null");
	lk_buf_str(out, ",\"ended\":");
	if (why->ended)
		lk_json_entry(&why->end, out);
	else
		lk_buf_str(out, "null");
	lk_buf_str(out, "}\n");
}

int
ctl_why(struct ctl *ctl, int argc, char **argv)
{
	bool json = false;
	const struct ctl_option options[] = { { "--json", &json, NULL },
		{ NULL, NULL, NULL } };
	enum lk_status status = LK_FAULT;
	struct lk_why why;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one ID"));
	status = lk_why(ctl->manager, argv[0], &why);
	if (status == LK_OK && json)
		say_why_json(&ctl->out, &why);
	else if (status == LK_OK)
		say_why(&ctl->out, &why);
	return (ctl_answer(ctl, status, "session"));
}
