/*
 * The handlers of all endpoints, a file for those that are alike, and who may
 * ask them so.  Besides the verdict there is what the bearer of a session can
 * see and end of his own sessions, and what a monitor can see of the gate.
 *
 *     session     GET   {"user", "id", "client", "issued_at", "expires_at",
 *                       "ttl", "peer", "agent", "renewed_at", "ends_by",
 *                       "detail"} of the session asked with
 *     sessions    GET   an array of its user's sessions, in order of expiry,
 *                       {"id", "client", "issued_at", "expires_at", "ttl",
 *                       "peer", "agent", "renewed_at", "ends_by",
 *                       "current"}; the header Latchkey-Sessions says how
 *                       many there are, should they not all fit
 *     logout      POST  end this session: {"revoked"}
 *     logout-all  POST  end all of its user's: {"revoked"}
 *     logout-others POST end all of its user's but this one: {"revoked"}
 *     revoke      POST  end one of its user's, `id` in the query: {"revoked"}
 *     token       POST  {"access_token", "token_type", "expires_in"} for this
 *                       session, if there is a key to sign with
 *     jwks        GET   the keys that verify it, for everybody
 *     login       GET   a form for people
 *                 POST  that form: a cookie, and 303 to where he wanted to go
 *     page        GET   one's own sessions, for people
 *                 POST  end some of them, which `end` in the query names
 *     watch       GET   nothing while the session lives; the refusal that it
 *                       meets once it has ended
 *     health      GET   {"store"}, with 503 if it does not answer
 *     metrics     GET   tally.h
 *
 * Where a session has ended but a failover of the store could undo that, the
 * answer is 202 and {"revoked", "durable": false}; the gate carries it over.
 *
 * Who may see a session is who has its token; path rules do not apply here.
 * Logging out with a session that is dead already is as good as done.  Once
 * its session has ended, the cookies that gate.tokens names are taken back.
 */
#ifndef GATE_HANDLERS_H_
#define GATE_HANDLERS_H_

#include "endpoints/endpoints.h"

/* Cap of a reply: a socket's buffer takes as much at once (Linux: 196608 on a
 * unix socket), so that no thread waits for a peer to read. */
#define GATE_CALL_REPLY_MAX ((size_t)128 * 1024)
/* Longest body: what is left of the reply after the headers. */
#define GATE_CALL_BODY_MAX (GATE_CALL_REPLY_MAX - 8192)

struct gate_call {
	/* Constant. */
	const struct gate_asked *asked;
	struct lk_buf *out;
	struct gate_case *c; /* the bearer's session, once he is let in */
	struct gate_brought *brought;

	/* Changing. */
	struct lk_buf body;
	const char *type;  /* of the body */
	unsigned int http; /* how it was answered */
	const char *reply; /* all of the answer, or NULL if it is ${body} */
};

/**
 * gate_call_begin(call, http):
 * Begin a reply whose body is ${call}'s: JSON if it is done, else text.
 */
void gate_call_begin(struct gate_call *call, unsigned int http);

/**
 * gate_call_refuse(call, http, allow, reason):
 * No, with the sentence ${reason}, and in the log; ${allow}, or NULL, is which
 * methods there are instead.
 */
void gate_call_refuse(struct gate_call *call, unsigned int http,
    const char *allow, const char *reason);

/** gate_call_unavailable(call): The store could not do it. */
void gate_call_unavailable(struct gate_call *call);

/**
 * gate_call_decide(call):
 * Whether the bearer is let in, by the facts; if not, that is the reply.
 */
bool gate_call_decide(struct gate_call *call);

/**
 * gate_call_obey(call):
 * Whether the verdict of ${call} lets the bearer in; if not, that is the reply.
 */
bool gate_call_obey(struct gate_call *call);

/**
 * gate_clear_cookies(call):
 * Take back the cookies that may carry the session's token.
 */
void gate_clear_cookies(struct gate_call *call);

/**
 * gate_note(asked, c, status):
 * Note that the store answered ${status}, which is returned, to the question
 * that began at ${c->began_ns}; the next one begins now.
 */
enum lk_status gate_note(const struct gate_asked *asked, struct gate_case *c,
    enum lk_status status);

/** All zero answers nobody. */
struct gate_handler {
	const char *allow;   /* the methods it has; NULL: there is none */
	enum gate_need need; /* of the bearer; GATE_NEED_NOTHING: it is about
	                        the gate */
	bool blind;          /* tokens will do, live or not */
	bool alone;          /* it asks no store */
	void (*run)(struct gate_call *call); /* once all that is there */
	bool (*is_there)(const struct lk_settings *settings); /* NULL: always */
};

/**
 * gate_handler_of(endpoint):
 * The handler of ${endpoint}; GATE_ENDPOINT_AUTHORIZE has none.
 */
const struct gate_handler *gate_handler_of(enum gate_endpoint endpoint);

/** Whether an endpoint may be asked; all zero is no. */
struct gate_admission {
	unsigned int http;  /* 200: yes; 403, 404, 405: no */
	const char *allow;  /* the methods it has, with 405 */
	const char *reason; /* why not, a sentence of constant text */
};

/**
 * gate_handler_admit(handler, request, deliberate, settings):
 * Whether ${request} may be answered by ${handler}.  What changes something
 * takes POST and must be safe, as gate_origin_is_safe() says of ${deliberate};
 * the rest takes GET and HEAD.  Some are there only if the ${settings} say so.
 */
struct gate_admission gate_handler_admit(const struct gate_handler *handler,
    const struct gate_request *request, bool deliberate,
    const struct lk_settings *settings);

/**
 * gate_origin_is_safe(request, deliberate):
 * Whether ${request}, which shall change something, was not made by another
 * site's page: it is ${deliberate}, that is, its token is where no browser puts
 * it by itself, or it has neither that nor anything else that browsers send by
 * themselves (not `unprompted`, credentials.h); or it has the header
 * X-Latchkey-Request, which a page of another site can send only if this site
 * allows it to; or each Sec-Fetch-Site says `same-origin` or `none`; or,
 * without Sec-Fetch-Site, each Origin is one that Host names.  A request that
 * says nothing is unsafe.
 */
bool gate_origin_is_safe(const struct gate_request *request, bool deliberate);

/**
 * gate_end_others(call, revoked):
 * End all sessions of the bearer's user but his own, and count them.  With a
 * positive status his own has ended meanwhile, and that has been answered.
 */
enum lk_status gate_end_others(struct gate_call *call,
    uint64_t *revoked) LK_MUST_CHECK;

void gate_show_session(struct gate_call *call);
void gate_show_sessions(struct gate_call *call);
void gate_log_out(struct gate_call *call);
void gate_log_out_all(struct gate_call *call);
void gate_log_out_others(struct gate_call *call);
void gate_revoke_one(struct gate_call *call);
void gate_issue_access(struct gate_call *call);
void gate_show_jwks(struct gate_call *call);
void gate_show_health(struct gate_call *call);
void gate_show_metrics(struct gate_call *call);
void gate_log_in(struct gate_call *call);
void gate_show_page(struct gate_call *call);
void gate_watch(struct gate_call *call);

#endif /* !GATE_HANDLERS_H_ */
