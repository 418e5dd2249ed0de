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
	struct lk_manager *manager;
};

/**
 * gate_handle(asked, env, role, out):
 * Read the request in ${env}, which came in FastCGI role ${role} or as
 * GATE_ROLE_CGI, and write the whole reply to it to ${out}, whose cap is set
 * here: the verdict in role AUTHORIZER, else what the request's endpoint
 * gives (endpoint.h), which is 404 if it names none.  Denials are logged.
 * The reply belongs to ${out}.
 */
const char *gate_handle(const struct gate_asked *asked, char *const *env,
    int role, struct lk_buf *out);

#endif /* !GATE_ENDPOINTS_H_ */
