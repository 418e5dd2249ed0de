/* What a daemon's command line says, and what is said of it there. */
#ifndef GATE_COMMAND_H_
#define GATE_COMMAND_H_

#include "latchkey.h"

/** A daemon's exit status. */
enum { GATE_EXIT_DONE = 0, GATE_EXIT_WRONG = 2 };

struct gate_command {
	const char *name;  /* "latchkey-fcgi" */
	const char *usage; /* all of --help */
};

/**
 * gate_command_read(command, argc, argv, path):
 * Read the options, of which -c sets ${path}, and answer --help, --version and
 * what is wrong.  The exit status if there is nothing more to do, else -1.
 */
int gate_command_read(const struct gate_command *command, int argc, char **argv,
    const char **path);

/**
 * gate_command_complain(command, error):
 * Say what is wrong on standard error, unless nobody takes it within a moment.
 * Returns GATE_EXIT_WRONG.
 */
int gate_command_complain(const struct gate_command *command,
    const struct lk_error *error);

#endif /* !GATE_COMMAND_H_ */
