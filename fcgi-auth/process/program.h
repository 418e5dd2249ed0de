/* What a process has to know of the program that it is of. */
#ifndef GATE_PROGRAM_H_
#define GATE_PROGRAM_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/string_list.h"
#include "process/listen.h"
#include "settings/settings.h"

/** What a program's settings say of its process; borrowed from them. */
struct gate_process_settings {
	const char *listen;
	int64_t socket_mode;
	const char *socket_group;
	const char *user; /* whom to become if started as root; "": nobody */
	int64_t threads;
	bool allow_remote;
	const struct lk_strings *allow_uids;
};

struct gate_program {
	const char *group; /* of the settings that these are in */
	struct gate_process_settings (*settings)(
	    const struct lk_settings *settings);
	gate_listener_prepare *prepare; /* the socket that it listens on */
};

#endif /* !GATE_PROGRAM_H_ */
