/* What tests of the gate's process share. */
#ifndef GATE_H_
#define GATE_H_

#include "process/generation.h"
#include "process/logger.h"
#include "support/test.h"

static inline struct gate_process_settings
settings_of(const struct lk_settings *settings)
{
	return ((struct gate_process_settings){
	    .listen = settings->gate.listen,
	    .http_listen = settings->gate.http.listen,
	    .http_allow_uids = &settings->gate.http.allow_uids,
	    .socket_mode = settings->gate.socket_mode,
	    .socket_group = settings->gate.socket_group,
	    .user = settings->gate.user,
	    .threads = settings->gate.threads,
	    .allow_remote = settings->gate.allow_remote,
	    .allow_uids = &settings->gate.allow_uids });
}

static const struct gate_program program = { .name = "the gate",
	.file = LK_SETTINGS_PATH,
	.group = "gate",
	.settings = settings_of };

/* One that nobody has started: whoever logs writes. */
static inline struct gate_logger *
some_logger(void)
{
	static struct gate_logger *logger;
	static gate_counter dropped;
	struct lk_error error;

	if (logger == NULL)
		assert_int_equal(gate_logger_new(&dropped, &logger, &error),
		    LK_OK);
	return (logger);
}

/* The text shows ${line} as a line of its own. */
static inline void
expect_line(const char *text, const char *line)
{
	char whole[160];

	(void)snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (strstr(text, whole) == NULL)
		print_error("no line %s in\n%s", line, text);
	assert_non_null(strstr(text, whole));
}

#endif /* !GATE_H_ */
