#include <sys/eventfd.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/error.h"
#include "process/logger.h"

/* Most lines that wait to be written, and how long for at the end. */
#define LINES_MAX 256
#define FAREWELL_MS 1000

#define LEVELS (LK_LOG_DEBUG + 1)
#define FORMATS (LK_LOG_JSON + 1)

/* Where a log of a logger leads. */
struct sink {
	struct gate_logger *logger;
	enum lk_log_format format;
	lk_log_sink *write;
};

struct line {
	const struct sink *sink;
	enum lk_log_level level;
	char text[];
};

struct gate_logger {
	/* Constant. */
	gate_counter *dropped;
	struct sink sinks[2][FORMATS]; /* standard error, syslog */
	struct lk_log logs[2][FORMATS][LEVELS];
	int lines[2]; /* pipe of them, to the thread */
	int done;     /* eventfd: the thread is */
	pthread_t thread;
	bool running;

	/* Changing. */
	gate_counter waiting;              /* lines, for the thread */
	gate_counter unsaid;               /* dropped since it was last said */
	_Atomic(const struct sink *) last; /* what was dropped was meant for */
};

/* ---- Writing ----------------------------------------------------------- */

/* Say, where that would have been, that ${count} lines were dropped. */
static void
say_dropped(const struct sink *sink, uint64_t count)
{
	struct lk_buf line = LK_BUF_INIT(LK_LOG_LINE_MAX);
	char text[24];
	const struct lk_log_field field = { "count", text };

	(void)snprintf(text, sizeof(text), "%" PRIu64, count);
	lk_log_format_line(sink->format, LK_LOG_WARN, "log lines dropped",
	    &field, 1, &line);
	if (!line.failed)
		sink->write(NULL, LK_LOG_WARN, line.data);
	lk_buf_free(&line);
}

static void *
write_lines(void *arg)
{
	struct gate_logger *logger = arg;
	struct pollfd pfd = { .fd = logger->lines[0], .events = POLLIN };
	struct line *line;
	uint64_t unsaid;
	ssize_t n;

	do {
		n = read(logger->lines[0], &line, sizeof(line));
		if (n == (ssize_t)sizeof(line) && line != NULL) {
			gate_count_down(&logger->waiting);
			line->sink->write(NULL, line->level, line->text);
			free(line);
		} else if (n <= 0 &&
		    (unsaid = atomic_exchange(&logger->unsaid, 0)) > 0) {
			say_dropped(atomic_load(&logger->last), unsaid);
		} else if (n == -1) {
			(void)poll(&pfd, 1, -1);
		}
	} while (n != 0);
	(void)eventfd_write(logger->done, 1);
	return (NULL);
}

/* ---- Logging ----------------------------------------------------------- */

/* Whether there was room for ${text}. */
static bool
keep(struct gate_logger *logger, const struct sink *sink,
    enum lk_log_level level, const char *text)
{
	const size_t size = strlen(text) + 1;
	struct line *line = NULL;

	if (gate_count(&logger->waiting) < LINES_MAX &&
	    (line = malloc(sizeof(*line) + size)) != NULL) {
		line->sink = sink;
		line->level = level;
		memcpy(line->text, text, size);
		if (write(logger->lines[1], &line, sizeof(line)) ==
		    (ssize_t)sizeof(line))
			return (true);
	}
	gate_count_down(&logger->waiting);
	free(line);
	return (false);
}

static void
take_down(void *arg, enum lk_log_level level, const char *text)
{
	const struct sink *sink = arg;
	struct gate_logger *logger = sink->logger;
	const struct line *none = NULL;

	if (!logger->running) {
		sink->write(NULL, level, text);
	} else if (!keep(logger, sink, level, text)) {
		gate_count(logger->dropped);
		atomic_store(&logger->last, sink);
		/* The thread may have written all others by now. */
		if (gate_count(&logger->unsaid) == 0)
			(void)!write(logger->lines[1], &none, sizeof(none));
	}
}

const struct lk_log *
gate_logger_log(struct gate_logger *logger, const struct lk_settings *settings)
{
	return (&logger->logs[settings->log.to ==
	    LK_LOG_TO_SYSLOG][settings->log.format][settings->log.level]);
}

/* ---- Making it, and ending it -------------------------------------------- */

enum lk_status
gate_logger_new(gate_counter *dropped, struct gate_logger **loggerp,
    struct lk_error *error)
{
	struct gate_logger *logger = calloc(1, sizeof(*logger));
	struct sink *sink;
	int to, format, level;

	*loggerp = logger;
	if (logger == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	logger->dropped = dropped;
	for (to = 0; to < 2; to++) {
		for (format = 0; format < FORMATS; format++) {
			sink = &logger->sinks[to][format];
			*sink = (struct sink){ logger,
				(enum lk_log_format)format,
				to ? lk_log_syslog : lk_log_stderr };
			for (level = 0; level < LEVELS; level++)
				logger->logs[to][format][level] =
				    (struct lk_log){ (enum lk_log_level)level,
					    sink->format, take_down, sink };
		}
	}
	return (LK_OK);
}

enum lk_status
gate_logger_start(struct gate_logger *logger, struct lk_error *error)
{
	int result;

	if (pipe2(logger->lines, O_CLOEXEC | O_NONBLOCK) != 0 ||
	    (logger->done = eventfd(0, EFD_CLOEXEC)) == -1)
		return (lk_fail(error, LK_FAULT, "pipe: %s", strerror(errno)));
	result = pthread_create(&logger->thread, NULL, write_lines, logger);
	if (result != 0)
		return (
		    lk_fail(error, LK_E_NOMEM, "thread: %s", strerror(result)));
	logger->running = true;
	return (LK_OK);
}

void
gate_logger_free(struct gate_logger *logger)
{
	struct pollfd pfd = { .events = POLLIN };
	struct line *line;

	if (logger != NULL && logger->running) {
		(void)close(logger->lines[1]);
		pfd.fd = logger->done;
		if (poll(&pfd, 1, FAREWELL_MS) <= 0) {
			while (read(logger->lines[0], &line, sizeof(line)) > 0)
				free(line);
			return;
		}
		(void)pthread_join(logger->thread, NULL);
		(void)close(logger->lines[0]);
		(void)close(logger->done);
	}
	free(logger);
}
