/*
 * Where the gate's log lines go.  Whoever reads them may stall, or be away, and
 * write(2) and syslog(3) then wait; so a thread of its own writes them, and no
 * other ever waits.  What finds no room is dropped, counted, and said as soon
 * as there is room again.
 */
#ifndef GATE_LOGGER_H_
#define GATE_LOGGER_H_

#include "base/log.h"
#include "process/events.h"
#include "settings/settings.h"

struct gate_logger;

/**
 * gate_logger_new(dropped, logger, error):
 * A logger that counts what it drops in ${dropped}, which must outlive it.
 * Until it is started, whoever logs writes.
 */
enum lk_status gate_logger_new(gate_counter *dropped,
    struct gate_logger **logger, struct lk_error *error) LK_MUST_CHECK;

/** gate_logger_start(logger, error): Signals must be blocked. */
enum lk_status gate_logger_start(struct gate_logger *logger,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_logger_log(logger, settings):
 * The log that ${settings} ask for.  It is constant and outlives them, so that
 * threads may go on with it while the settings change.
 */
const struct lk_log *gate_logger_log(struct gate_logger *logger,
    const struct lk_settings *settings);

/**
 * gate_logger_free(logger):
 * Give what is left a second to be written, and free ${logger}; but if its
 * thread waits for a reader then, leave both to the end of the process.
 * Nobody may log any more.  NULL is fine.
 */
void gate_logger_free(struct gate_logger *logger);

#endif /* !GATE_LOGGER_H_ */
