/*
 * The verb `explain`: what the gate would answer, and why.  It goes through
 * the gate's own pure functions, so that it cannot say anything else than the
 * gate does.  It changes nothing: no session is renewed.
 */
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "verdict/verdict.h"

/* Longest method, and longest URL with its query. */
#define METHOD_MAX 1024
#define URL_MAX 16384
/* Room for the name of a parameter and its "=". */
#define NAME_ROOM 20

/* ---- What is printed --------------------------------------------------- */

static void
print_rule(struct ctl *ctl, const struct lk_rule *rule, size_t number)
{
	if (rule == NULL) {
		lk_buf_str(&ctl->out, "rule     none\n");
		return;
	}
	lk_buf_printf(&ctl->out, "rule     %zu of %zu: ", number,
	    ctl->settings->gate.rules.n);
	lk_settings_print_rule(rule, &ctl->out);
	lk_buf_str(&ctl->out, "\n");
}

static void
print_path(struct ctl *ctl, const char *name, const struct gate_path *path)
{
	lk_buf_printf(&ctl->out, "%-8s %s\n", name,
	    path->len > 0 ? path->text : "refused");
}

static void
print_session(struct ctl *ctl, const struct gate_case *c, bool has_token)
{
	const struct lk_session *session = c->facts.session;

	lk_buf_str(&ctl->out, "session  ");
	if (!has_token)
		lk_buf_str(&ctl->out, "no token was given\n");
	else if (session != NULL)
		lk_buf_printf(&ctl->out,
		    "user %s, id %s, client %s, ttl %lld\n", session->user,
		    session->id,
		    session->client[0] != '\0' ? session->client : "-",
		    (long long)session->ttl);
	else if (c->asked && c->status > 0 &&
	    lk_manager_error(ctl->manager)[0] != '\0')
		lk_buf_printf(&ctl->out, "%s: %s\n", lk_status_name(c->status),
		    lk_manager_error(ctl->manager));
	else if (c->asked)
		lk_buf_printf(&ctl->out, "%s\n", lk_status_name(c->status));
	else if (c->credentials.kind == GATE_CREDENTIALS_BAD)
		lk_buf_str(&ctl->out, "malformed\n");
	else
		lk_buf_str(&ctl->out, "not looked up\n");
}

/* The status and the headers that the web server is sent. */
static void
print_answer(struct ctl *ctl, const struct gate_case *c)
{
	struct lk_buf reply = LK_BUF_INIT(GATE_REPLY_MAX);
	const char *line, *end;

	lk_buf_printf(&ctl->out, "answer   %s\n",
	    c->verdict.http == 200 ? "allowed" : "refused");
	line = gate_verdict_reply(&c->facts, &c->verdict, &reply);
	while ((end = strstr(line, "\r\n")) != NULL && end > line) {
		lk_buf_str(&ctl->out, "         ");
		lk_buf_add(&ctl->out, line, (size_t)(end - line));
		lk_buf_str(&ctl->out, "\n");
		line = end + 2;
	}
	lk_buf_free(&reply);
}

static const char *
why(const struct gate_case *c)
{
	if (c->verdict.reason != NULL)
		return (c->verdict.reason);
	if (c->plan.need == GATE_NEED_NOTHING)
		return ("The rule is public: nobody is asked who he is.  "
		        "(Apache with Basic asks all the same; such a path is "
		        "named in its own settings.)");
	if (c->verdict.renew)
		return ("The session is live and what the rule asks for; the "
		        "gate would renew it.");
	return ("The session is live and what the rule asks for.");
}

static void
print_all(struct ctl *ctl, const struct gate_case *c, bool has_token)
{
	lk_buf_printf(&ctl->out, "request  %s\n", c->request.method);
	print_path(ctl, "path", &c->plan.path);
	print_rule(ctl, c->plan.rule, c->plan.number);
	if (gate_request_only(&c->request, "HTTP_DESTINATION") != NULL) {
		print_path(ctl, "to", &c->plan.to_path);
		print_rule(ctl, c->plan.to, c->plan.to_number);
	}
	print_session(ctl, c, has_token);
	print_answer(ctl, c);
	lk_buf_printf(&ctl->out, "why      %s\n", why(c));
}

/* ---- What is asked ----------------------------------------------------- */

/* Whether it may stand in a request line (RFC 9110, section 5.6.2). */
static bool
is_method(const char *text)
{
	size_t len = strlen(text);

	return (len >= 1 && len <= METHOD_MAX &&
	    strspn(text,
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	        "0123456789!#$%&'*+-.^_`|~") == len);
}

/*
 * Write the Host that a client sends which is given ${url}, and the host that a
 * web server chooses, if the URL says.
 */
static bool
say_host(const char *url, char *host, char *chosen, size_t size)
{
	const char *start = strstr(url, "://");

	if (url[0] == '/' || start == NULL)
		return (false);
	start += 3;
	(void)snprintf(host, size, "HTTP_HOST=%.*s", (int)strcspn(start, "/?#"),
	    start);
	(void)snprintf(chosen, size, "LATCHKEY_HOST=%.*s",
	    (int)strcspn(start, ":/?#"), start);
	return (true);
}

/* The credentials of who presents ${argument}, which is wiped. */
static void
read_credentials(struct ctl *ctl, char *argument,
    struct gate_credentials *credentials)
{
	if (argument == NULL)
		return;
	credentials->kind = GATE_CREDENTIALS_BAD;
	if (ctl_token(ctl, argument, &credentials->token) == LK_OK ||
	    credentials->token.len > 0)
		credentials->kind = GATE_CREDENTIALS_ONE;
}

static int
exit_of(const struct gate_verdict *verdict)
{
	if (verdict->http == 200)
		return (CTL_DONE);
	return (verdict->http == 503 ? CTL_STORE : CTL_REFUSED);
}

static int
explain(struct ctl *ctl, const struct gate_request *request, char *token)
{
	struct gate_case c;
	int code;

	gate_case_begin(&c, ctl->settings, ctl->manager, request);
	read_credentials(ctl, token, &c.credentials);
	gate_case_plan(&c);
	(void)gate_case_ask(&c, c.plan.need, NULL, NULL);
	gate_decide(&c.facts, &c.verdict);
	print_all(ctl, &c, token != NULL);
	if (c.asked && c.status < 0)
		(void)ctl_answer(ctl, c.status, "session");
	code = exit_of(&c.verdict);
	gate_case_end(&c);
	return (code);
}

int
ctl_explain(struct ctl *ctl, int argc, char **argv)
{
	bool html = false, subrequest = false;
	const char *to = NULL;
	const struct ctl_option options[] = { { "--client-accepts-html", &html,
		                                  NULL },
		{ "--subrequest", &subrequest, NULL },
		{ "--destination", NULL, &to }, { NULL, NULL, NULL } };
	char method[METHOD_MAX + NAME_ROOM], url[URL_MAX + NAME_ROOM];
	char host[URL_MAX + NAME_ROOM], chosen[URL_MAX + NAME_ROOM];
	char destination[URL_MAX + NAME_ROOM];
	char accept[] = "HTTP_ACCEPT=text/html";
	char *env[] = { method, url, NULL, NULL, NULL, NULL, NULL };
	struct gate_request request;
	int operands, code, n = 2;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands < 2 || operands > 3)
		return (ctl_usage(ctl, "METHOD, URL and perhaps a TOKEN"));
	if (!is_method(argv[0]))
		return (ctl_usage(ctl, "a method such as GET"));
	if (argv[1][0] == '\0' || strlen(argv[1]) > URL_MAX ||
	    (to != NULL && strlen(to) > URL_MAX))
		return (ctl_usage(ctl, "a URL of 1 to 16384 bytes"));
	(void)snprintf(method, sizeof(method), "REQUEST_METHOD=%s", argv[0]);
	(void)snprintf(url, sizeof(url), "REQUEST_URI=%s", argv[1]);
	if (say_host(argv[1], host, chosen, sizeof(host))) {
		env[n++] = host;
		env[n++] = chosen;
	}
	if (html)
		env[n++] = accept;
	if (to != NULL) {
		(void)snprintf(destination, sizeof(destination),
		    "HTTP_DESTINATION=%s", to);
		env[n++] = destination;
	}
	gate_request_read(env, true, &request);
	request.subrequest = subrequest;
	return (explain(ctl, &request, operands == 3 ? argv[2] : NULL));
}
