/* Where the gate's log lines go. */
#ifndef GATE_JOURNAL_H_
#define GATE_JOURNAL_H_

#include "log.h"
#include "settings.h"

/**
 * gate_journal(settings):
 * The log that ${settings} ask for.  It is constant and outlives them, so that
 * threads may go on with it while the settings change.
 */
const struct lk_log *gate_journal(const struct lk_settings *settings);

#endif /* !GATE_JOURNAL_H_ */
