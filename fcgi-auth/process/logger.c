#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/error.h"
#include "process/logger.h"

/* Most lines that wait to be written, and how long for at the end. */
#define LINES_MAX 256
#define FAREWELL_S 1

#define LEVELS (LK_LOG_DEBUG + 1)
#define FORMATS (LK_LOG_JSON + 1)

#define LOG(to, of, at)                                     \
	{                                                   \
		.level = (at), .format = (of), .sink = (to) \
	}
#define LOGS(to, of)                                                    \
	{                                                               \
		LOG(to, of, LK_LOG_ERROR), LOG(to, of, LK_LOG_WARN),    \
		    LOG(to, of, LK_LOG_INFO), LOG(to, of, LK_LOG_DEBUG) \
	}

/* Every log there can be, by format and level. */
static const struct lk_log to_stderr[FORMATS][LEVELS] = {
	LOGS(lk_log_stderr, LK_LOG_TEXT), LOGS(lk_log_stderr, LK_LOG_JSON)
};
static const struct lk_log to_syslog[FORMATS][LEVELS] = {
	LOGS(lk_log_syslog, LK_LOG_TEXT), LOGS(lk_log_syslog, LK_LOG_JSON)
};

/* Where a log of a logger leads. */
struct sink {
	struct gate_logger *logger;
	enum lk_log_format format;
	lk_log_sink *write;
};

struct line {
	const struct sink *sink;
	enum lk_log_level level;
	char *text;
};

struct gate_logger {
	/* Constant. */
	gate_counter *dropped;
	struct sink sinks[2][FORMATS]; /* standard error, syslog */
	struct lk_log logs[2][FORMATS][LEVELS];
	pthread_t thread;
	bool running;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something to do, or all is done */
	struct line lines[LINES_MAX];
	size_t first;
	size_t count;
	uint64_t unsaid;         /* dropped since it was last said */
	const struct sink *last; /* what was dropped was meant for */
	bool closing;
	bool done; /* the thread is */
};

/* ---- Writing ----------------------------------------------------------- */

/* The line that says that ${count} were dropped; NULL without memory. */
static char *
say_dropped(enum lk_log_format format, uint64_t count)
{
	struct lk_buf line = LK_BUF_INIT(LK_LOG_LINE_MAX);
	char text[24];
	const struct lk_log_field field = { "count", text };

	(void)snprintf(text, sizeof(text), "%" PRIu64, count);
	lk_log_format_line(format, LK_LOG_WARN, "log lines dropped", &field, 1,
	    &line);
	return (lk_buf_take(&line));
}

/* Under the lock: the next line, whose text is then the caller's. */
static struct line
take_line(struct gate_logger *logger)
{
	struct line line = { .sink = logger->last, .level = LK_LOG_WARN };

	if (logger->count > 0) {
		line = logger->lines[logger->first];
		logger->first = (logger->first + 1) % LINES_MAX;
		logger->count--;
		return (line);
	}
	line.text = say_dropped(line.sink->format, logger->unsaid);
	logger->unsaid = 0;
	return (line);
}

static void *
write_lines(void *arg)
{
	struct gate_logger *logger = arg;
	struct line line;

	(void)pthread_mutex_lock(&logger->lock);
	for (;;) {
		while (logger->count == 0 && logger->unsaid == 0 &&
		    !logger->closing)
			(void)pthread_cond_wait(&logger->changed,
			    &logger->lock);
		if (logger->count == 0 && logger->unsaid == 0)
			break;
		line = take_line(logger);
		(void)pthread_mutex_unlock(&logger->lock);
		if (line.text != NULL)
			line.sink->write(NULL, line.level, line.text);
		free(line.text);
		(void)pthread_mutex_lock(&logger->lock);
	}
	logger->done = true;
	(void)pthread_cond_broadcast(&logger->changed);
	(void)pthread_mutex_unlock(&logger->lock);
	return (NULL);
}

/* ---- Logging ----------------------------------------------------------- */

/* Under the lock: whether there was room for ${text}. */
static bool
keep(struct gate_logger *logger, const struct sink *sink,
    enum lk_log_level level, const char *text)
{
	struct line *line =
	    &logger->lines[(logger->first + logger->count) % LINES_MAX];

	if (logger->count == LINES_MAX)
		return (false);
	*line = (struct line){ sink, level, strdup(text) };
	if (line->text == NULL)
		return (false);
	logger->count++;
	return (true);
}

static void
take_down(void *arg, enum lk_log_level level, const char *text)
{
	const struct sink *sink = arg;
	struct gate_logger *logger = sink->logger;

	if (!logger->running) {
		sink->write(NULL, level, text);
		return;
	}
	(void)pthread_mutex_lock(&logger->lock);
	if (!keep(logger, sink, level, text)) {
		logger->unsaid++;
		logger->last = sink;
		gate_count(logger->dropped);
	}
	(void)pthread_cond_signal(&logger->changed);
	(void)pthread_mutex_unlock(&logger->lock);
}

const struct lk_log *
gate_logger_log(struct gate_logger *logger, const struct lk_settings *settings)
{
	const int format = settings->log.format, level = settings->log.level;
	const int to = settings->log.to == LK_LOG_TO_SYSLOG;

	if (logger != NULL)
		return (&logger->logs[to][format][level]);
	return (to ? &to_syslog[format][level] : &to_stderr[format][level]);
}

/* ---- Making it, and ending it -------------------------------------------- */

static void
make_logs(struct gate_logger *logger)
{
	int to, format, level;

	for (to = 0; to < 2; to++) {
		for (format = 0; format < FORMATS; format++) {
			struct sink *sink = &logger->sinks[to][format];

			*sink = (struct sink){ logger,
				(enum lk_log_format)format,
				to ? lk_log_syslog : lk_log_stderr };
			for (level = 0; level < LEVELS; level++)
				logger->logs[to][format][level] =
				    (struct lk_log){ (enum lk_log_level)level,
					    sink->format, take_down, sink };
		}
	}
}

enum lk_status
gate_logger_new(gate_counter *dropped, struct gate_logger **logger,
    struct lk_error *error)
{
	struct gate_logger *j = calloc(1, sizeof(*j));
	pthread_condattr_t attr;

	*logger = NULL;
	if (j == NULL || pthread_condattr_init(&attr) != 0)
		goto fail;
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (pthread_cond_init(&j->changed, &attr) != 0)
		goto fail;
	/* A plain one cannot fail. */
	(void)pthread_mutex_init(&j->lock, NULL);
	j->dropped = dropped;
	make_logs(j);
	*logger = j;
	return (LK_OK);

fail:
	free(j);
	return (lk_fail(error, LK_E_NOMEM, "out of memory"));
}

enum lk_status
gate_logger_start(struct gate_logger *logger, struct lk_error *error)
{
	int result = pthread_create(&logger->thread, NULL, write_lines, logger);

	if (result != 0)
		return (
		    lk_fail(error, LK_E_NOMEM, "thread: %s", strerror(result)));
	logger->running = true;
	return (LK_OK);
}

/* Let the thread end; false if it does not. */
static bool
finish(struct gate_logger *logger)
{
	struct timespec end;
	int result = 0;
	bool done;

	if (!logger->running)
		return (true);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += FAREWELL_S;
	(void)pthread_mutex_lock(&logger->lock);
	logger->closing = true;
	(void)pthread_cond_broadcast(&logger->changed);
	while (!logger->done && result == 0)
		result = pthread_cond_timedwait(&logger->changed, &logger->lock,
		    &end);
	done = logger->done;
	(void)pthread_mutex_unlock(&logger->lock);
	if (done)
		(void)pthread_join(logger->thread, NULL);
	return (done);
}

void
gate_logger_free(struct gate_logger *logger)
{
	if (logger == NULL || !finish(logger))
		return;
	(void)pthread_cond_destroy(&logger->changed);
	(void)pthread_mutex_destroy(&logger->lock);
	free(logger);
}
