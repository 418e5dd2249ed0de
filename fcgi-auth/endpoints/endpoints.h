/*
 * The face of this folder: one request from its parameters to its reply, and
 * what requests come to (tally.h).  The other headers are inside; endpoint.h
 * says which endpoints there are.
 */
#ifndef GATE_ENDPOINTS_H_
#define GATE_ENDPOINTS_H_

#include "base/buf.h"
#include "endpoints/tally.h"
#include "latchkey.h"
#include "settings/settings.h"
#include "verdict/verdict.h"

/* Beside FastCGI's roles, which are positive: the process is a CGI program. */
#define GATE_ROLE_CGI (-1)

/** Whom a request is put to. */
struct gate_asked {
	const struct lk_settings *settings;
	struct gate_tally *tally;
	struct lk_manager *manager; /* NULL: nobody may wait */
	struct lk_checks *checks;   /* of who does not; NULL: none now */
	const char *style;          /* CSS that the site adds; NULL: none */
};

/**
 * gate_style_load(settings, style, error):
 * Read the file that `gate.page.style` names; NULL if none is named.  The
 * caller frees it.
 */
enum lk_status gate_style_load(const struct lk_settings *settings, char **style,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * What a request brings along besides its parameters, and how far the answer to
 * it is, should that take more than one go.  All zero at first but the body.
 */
struct gate_brought {
	struct lk_buf body; /* whole; secret; empty unless its endpoint takes
	                       one */
	int64_t since_ns;   /* when it was first looked at; 0: it was not */
	int64_t again_ns;   /* not answered yet: ask again then, by
	                       CLOCK_MONOTONIC; else 0 */
	bool yields;        /* others go first */
	enum gate_again again;
	size_t places; /* how many such requests may wait at once */
	bool waited;   /* it has: it keeps its place */
};

/**
 * gate_handle(asked, c, whose, env, role, brought, out):
 * Read the request in ${env}, which came in FastCGI role ${role} or as
 * GATE_ROLE_CGI, into ${c}, and write the whole reply to it to ${out}, whose
 * cap is set here: the verdict in role AUTHORIZER, else what the request's
 * endpoint gives (endpoint.h), which is 404 if it names none.  Denials are
 * logged.  The reply belongs to ${out}.
 * Without a manager there may be no reply yet, NULL: either ${c->under_way}, a
 * check of ${whose}, and gate_handle_finish() takes what comes of it; or who
 * has a manager must be asked.  With one there is none if ${brought} says when
 * to ask again: nobody is to wait for that.
 */
const char *gate_handle(const struct gate_asked *asked, struct gate_case *c,
    void *whose, char *const *env, int role, struct gate_brought *brought,
    struct lk_buf *out);

/**
 * gate_handle_finish(asked, c, checked, out):
 * The reply, by what came of the check.  NULL if who has a manager must be
 * asked.
 */
const char *gate_handle_finish(const struct gate_asked *asked,
    struct gate_case *c, struct lk_checked *checked, struct lk_buf *out);

#endif /* !GATE_ENDPOINTS_H_ */
