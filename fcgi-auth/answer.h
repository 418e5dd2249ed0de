/* One request from its parameters to its reply. */
#ifndef GATE_ANSWER_H_
#define GATE_ANSWER_H_

#include "buf.h"
#include "latchkey.h"
#include "report.h"
#include "respond.h"
#include "settings.h"

/** Whom a request is put to. */
struct gate_asked {
	const struct lk_settings *settings;
	struct gate_report *report;
	struct lk_manager *manager;
};

/**
 * gate_answer(asked, env, role, out):
 * Read the request in ${env}, which came in FastCGI role ${role}, ask the
 * manager if it carries a token, decide, log a denial, and write the whole
 * reply to ${out} (cap GATE_REPLY_MAX).  The reply belongs to ${out}.
 */
const char *gate_answer(const struct gate_asked *asked, char *const *env,
    int role, struct lk_buf *out);

#endif /* !GATE_ANSWER_H_ */
