/* Why a verdict is as it is, in a word for metrics and the log.  Pure. */
#ifndef GATE_REASON_H_
#define GATE_REASON_H_

#include "verdict/decide.h"

enum gate_reason {
	GATE_REASON_OTHER = 0,
	GATE_REASON_SESSION, /* allowed: a live session */
	GATE_REASON_PUBLIC,  /* allowed without one */
	GATE_REASON_NO_TOKEN,
	GATE_REASON_MALFORMED,
	GATE_REASON_CONFLICT,
	GATE_REASON_UNKNOWN,
	GATE_REASON_EXPIRED,
	GATE_REASON_OTHER_USER,
	GATE_REASON_NO_USER,
	GATE_REASON_LIMIT,
	GATE_REASON_RULE,
	GATE_REASON_BAD_REQUEST,
	GATE_REASON_STORE, /* could not find out */
	GATE_REASON_COUNT
};

/** gate_reason_of(facts, verdict): why ${verdict} is as it is. */
enum gate_reason gate_reason_of(const struct gate_facts *facts,
    const struct gate_verdict *verdict);

/**
 * gate_reason_name(reason), gate_reason_outcome(reason):
 * Its name, and "allowed", "denied" or "unavailable".
 */
const char *gate_reason_name(enum gate_reason reason);
const char *gate_reason_outcome(enum gate_reason reason);

#endif /* !GATE_REASON_H_ */
