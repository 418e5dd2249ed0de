/* Telling the service manager how far the gate is, as sd_notify(3) does. */
#ifndef GATE_NOTIFY_H_
#define GATE_NOTIFY_H_

#include "latchkey.h"

/** Whom to tell; -1: nobody. */
struct gate_notify {
	int fd;
};

/**
 * gate_notify_open(path, notify, error):
 * Tell the datagram socket ${path}, in which a leading `@` stands for the
 * abstract namespace; NULL or "" is nobody.
 */
enum lk_status gate_notify_open(const char *path, struct gate_notify *notify,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_notify_ready(notify), gate_notify_reloading(notify),
 * gate_notify_stopping(notify):
 * Say so.  Never waits; what cannot be said is left unsaid.
 */
void gate_notify_ready(const struct gate_notify *notify);
void gate_notify_reloading(const struct gate_notify *notify);
void gate_notify_stopping(const struct gate_notify *notify);

/** gate_notify_close(notify): From now on tell nobody. */
void gate_notify_close(struct gate_notify *notify);

#endif /* !GATE_NOTIFY_H_ */
