/*
 * Where the gate's log lines go.  Whoever reads them may stall, or be away, and
 * write(2) and syslog(3) then wait; so a thread of its own writes them, and no
 * other ever waits.  What finds no room is dropped, counted, and said as soon
 * as there is room again.
 */
#ifndef GATE_JOURNAL_H_
#define GATE_JOURNAL_H_

#include "base/log.h"
#include "process/metrics.h"
#include "settings/settings.h"

struct gate_journal;

/**
 * gate_journal_new(dropped, journal, error):
 * A journal that counts what it drops in ${dropped}, which must outlive it.
 * Until it is started, whoever logs writes.
 */
enum lk_status gate_journal_new(gate_counter *dropped,
    struct gate_journal **journal, struct lk_error *error) LK_MUST_CHECK;

/** gate_journal_start(journal, error): Signals must be blocked. */
enum lk_status gate_journal_start(struct gate_journal *journal,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_journal_log(journal, settings):
 * The log that ${settings} ask for.  It is constant and outlives them, so that
 * threads may go on with it while the settings change.  With NULL as journal,
 * whoever logs writes.
 */
const struct lk_log *gate_journal_log(struct gate_journal *journal,
    const struct lk_settings *settings);

/**
 * gate_journal_free(journal):
 * Give what is left a second to be written, and free ${journal}; but if its
 * thread waits for a reader then, leave both to the end of the process.
 * Nobody may log any more.  NULL is fine.
 */
void gate_journal_free(struct gate_journal *journal);

#endif /* !GATE_JOURNAL_H_ */
