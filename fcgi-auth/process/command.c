#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "process/command.h"

/* How long standard error may take to have room. */
#define COMPLAINT_MS 1000

/* Print ${text}, and see to it that all is out. */
static int
print(const struct gate_command *command, const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return (GATE_EXIT_DONE);
	(void)fprintf(stderr, "%s: cannot write to standard output\n",
	    command->name);
	return (GATE_EXIT_WRONG);
}

int
gate_command_read(const struct gate_command *command, int argc, char **argv,
    const char **path)
{
	static const struct option options[] = { { "config", required_argument,
		                                     NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	int option;

	while (
	    (option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			*path = optarg;
			break;
		case 'h':
			return (print(command, command->usage));
		case 'V':
			(void)printf("%s %s\n", command->name, lk_version());
			return (print(command, ""));
		default:
			(void)fputs(command->usage, stderr);
			return (GATE_EXIT_WRONG);
		}
	}
	if (optind != argc) {
		(void)fprintf(stderr,
		    "%s: only options are taken; -c names the settings\n",
		    command->name);
		(void)fputs(command->usage, stderr);
		return (GATE_EXIT_WRONG);
	}
	return (-1);
}

int
gate_command_complain(const struct gate_command *command,
    const struct lk_error *error)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&pfd, 1, COMPLAINT_MS) != 0)
		(void)fprintf(stderr, "%s: %s\n", command->name, error->text);
	return (GATE_EXIT_WRONG);
}
