#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "house/http.h"

/* For the headers of a request and of an answer, of each connection. */
#define MEMORY_LIMIT 16384
#define NUMBER_SIZE 24
/* What is longer may go unread: who sends it may not hear why. */
#define HOPELESS ((size_t)1024 * 1024)

/* ---- The answer -------------------------------------------------------- */

static bool
add_number(struct MHD_Response *response, const char *name, uint64_t number)
{
	char text[NUMBER_SIZE];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return (MHD_add_response_header(response, name, text) == MHD_YES);
}

/* What RFC 6750 has of a bearer who is refused, and why if that is known. */
static bool
add_challenge(struct MHD_Response *response, enum lk_reason ended)
{
	const bool known = ended != LK_REASON_NONE;
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "Bearer realm=\"latchkey\", error=\"invalid_token\"%s%s%s",
	    known ? ", error_description=\"" : "", lk_reason_name(ended),
	    known ? "\"" : "");
	return (MHD_add_response_header(response, "WWW-Authenticate", text) ==
	        MHD_YES &&
	    (!known ||
	        MHD_add_response_header(response, "Latchkey-Reason",
	            lk_reason_name(ended)) == MHD_YES));
}

static bool
add_headers(struct MHD_Response *response, const struct agent_answer *answer,
    bool last)
{
	return (MHD_add_response_header(response, "Cache-Control",
	            "no-store") == MHD_YES &&
	    MHD_add_response_header(response, "Content-Type", answer->type) ==
	        MHD_YES &&
	    (answer->allow == NULL ||
	        MHD_add_response_header(response, "Allow", answer->allow) ==
	            MHD_YES) &&
	    (answer->retry_after == 0 ||
	        add_number(response, "Retry-After", answer->retry_after)) &&
	    (!answer->challenge || add_challenge(response, answer->ended)) &&
	    (!answer->counted ||
	        add_number(response, "Latchkey-Sessions", answer->sessions)) &&
	    (!last ||
	        MHD_add_response_header(response, "Connection", "close") ==
	            MHD_YES));
}

static enum MHD_Result
respond(const struct agent_loop *loop, struct agent_call *call)
{
	const bool stop = atomic_load(&loop->shared->stop);
	struct agent_answer *answer = &call->answer;
	enum MHD_Result result = MHD_NO;
	struct MHD_Response *response;

	/* The body stays with the call, which wipes it once it is sent. */
	response = MHD_create_response_from_buffer(answer->body.len,
	    answer->body.data, MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return (MHD_NO);
	if (add_headers(response, answer, stop))
		result = MHD_queue_response(call->http, answer->http, response);
	MHD_destroy_response(response);
	call->connection->link.until_ns = lk_monotonic_ns() +
	    (stop ? GATE_LEAVE_NS : AGENT_REQUEST_NS);
	return (result);
}

/* ---- The question ------------------------------------------------------ */

/* A header that may be there once; twice it is as good as a wrong one. */
struct header {
	const char *name;
	char *value;
	size_t n;
	bool failed;
};

static enum MHD_Result
take_header(void *arg, enum MHD_ValueKind kind, const char *name,
    const char *value)
{
	struct header *header = arg;

	(void)kind;
	if (strcasecmp(name, header->name) != 0)
		return (MHD_YES);
	free(header->value);
	header->value = strdup(header->n++ == 0 && value != NULL ? value : "");
	header->failed = header->failed || header->value == NULL;
	return (MHD_YES);
}

/* Whether a body is so much too long that it is not even read to its end. */
static bool
is_hopeless(struct MHD_Connection *http)
{
	const char *length = MHD_lookup_connection_value(http, MHD_HEADER_KIND,
	    "Content-Length");

	return (length != NULL && strtoull(length, NULL, 10) > HOPELESS);
}

static bool
begin(struct agent_call *call, const char *method)
{
	struct header type = { .name = "Content-Type" };
	struct header timeout = { .name = "Latchkey-Timeout" };

	call->begun = true;
	call->too_long = is_hopeless(call->http);
	(void)MHD_get_connection_values(call->http, MHD_HEADER_KIND,
	    take_header, &type);
	(void)MHD_get_connection_values(call->http, MHD_HEADER_KIND,
	    take_header, &timeout);
	call->type = type.value;
	call->timeout = timeout.value;
	call->method = strdup(method);
	return (!type.failed && !timeout.failed && call->method != NULL);
}

static void
take_body(struct agent_call *call, const char *bytes, size_t len)
{
	if (!call->too_long)
		lk_buf_add(&call->body, bytes, len);
	if (call->body.failed) {
		call->too_long = true;
		lk_buf_free(&call->body);
		call->body = (struct lk_buf)LK_BUF_INIT(AGENT_BODY_MAX);
	}
}

/* All of it is here. */
static enum MHD_Result
ask(struct agent_loop *loop, struct agent_call *call)
{
	struct gate_generations *all = loop->shared->process->generations;
	const struct agent_message message = { .method = call->method,
		.target = call->target,
		.type = call->type,
		.timeout = call->timeout,
		.body = call->body.data,
		.len = call->body.len,
		.too_long = call->too_long };
	struct gate_generation *generation;
	struct agent_wrong wrong;
	bool answered;

	agent_question_read(&message, &call->question, &wrong);
	generation = gate_generations_hold(all);
	const struct agent_asked asked = { .settings = generation->settings,
		.policy = generation->own,
		.tally = loop->shared->tally };
	answered = agent_answer_now(&asked, &call->connection->caller,
	    &call->question, &wrong, &call->answer);
	gate_generations_drop(all, generation);
	if (!answered) {
		call->connection->link.until_ns = INT64_MAX;
		if (call->question.wait_ms != 0)
			call->useless_ns = lk_monotonic_ns() +
			    call->question.wait_ms * 1000000;
		MHD_suspend_connection(call->http);
		if (agent_workers_ask(loop->shared->workers, call))
			return (MHD_YES);
		agent_answer_say(&call->answer, 503, LK_E_STORE,
		    "too many wait already");
		agent_tally_count(loop->shared->tally, call->question.verb,
		    503);
		call->state = AGENT_ANSWERED;
		MHD_resume_connection(call->http);
		return (MHD_YES);
	}
	call->state = AGENT_ANSWERED;
	return (respond(loop, call));
}

/* ---- What libmicrohttpd tells -------------------------------------------- */

/* The first line of a request is here. */
static void *
on_target(void *arg, const char *target, struct MHD_Connection *http)
{
	struct agent_loop *loop = arg;
	struct gate_http_link *link = gate_http_link_of(http);
	const int64_t until_ns = lk_monotonic_ns() + AGENT_REQUEST_NS;
	struct agent_call *call;

	if (link == NULL)
		return (NULL);
	call = agent_call_new((struct agent_connection *)link, target);
	if (call == NULL)
		return (NULL);
	call->http = http;
	call->loop = loop;
	link->call = call;
	if (until_ns < link->until_ns)
		link->until_ns = until_ns;
	return (call);
}

static enum MHD_Result
/* NOLINTNEXTLINE(readability-function-size): the library passes so many. */
on_request(void *arg, struct MHD_Connection *http, const char *url,
    const char *method, const char *version, const char *body, size_t *len,
    void **context)
{
	struct agent_loop *loop = arg;
	struct agent_call *call = *context;
	const bool first = call != NULL && !call->begun;

	(void)http;
	(void)url;
	(void)version;
	if (call == NULL)
		return (MHD_NO);
	if (!call->begun && !begin(call, method))
		return (MHD_NO);
	/* Who is answered before he has sent his body is hung up on. */
	if (first)
		return (call->too_long ? ask(loop, call) : MHD_YES);
	if (*len > 0) {
		take_body(call, body, *len);
		*len = 0;
		return (MHD_YES);
	}
	return (call->state == AGENT_ANSWERED ? respond(loop, call)
	                                      : ask(loop, call));
}

static void
on_completed(void *arg, struct MHD_Connection *http, void **context,
    enum MHD_RequestTerminationCode why)
{
	struct agent_loop *loop = arg;
	struct agent_call *call = *context;
	struct gate_http_link *link;

	(void)http;
	(void)why;
	if (call == NULL)
		return;
	*context = NULL;
	link = &call->connection->link;
	link->call = NULL;
	link->until_ns = lk_monotonic_ns() +
	    (atomic_load(&loop->shared->stop) ? 0 : AGENT_IDLE_NS);
	agent_call_drop(call);
}

void
agent_http_answered(struct agent_call *call)
{
	MHD_resume_connection(call->http);
}

bool
agent_http_open(struct agent_loop *loop)
{
	loop->program = (struct gate_http_program){ .arg = loop,
		.memory = MEMORY_LIMIT,
		.target = on_target,
		.request = on_request,
		.completed = on_completed,
		.closed = agent_loop_closed };
	return (gate_http_open(&loop->http, &loop->program));
}
