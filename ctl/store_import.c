#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "progress.h"
#include "store_import.h"

/* Lines that are being read. */
struct input {
	int fd;
	bool ended;
	int error;         /* errno of a failed read, else 0 */
	uint64_t taken;    /* bytes, of the lines handed out */
	uint64_t size;     /* of the file; 0 if it is none */
	size_t start, end; /* what is not yet handed out */
	char bytes[2 * LK_EXPORT_LINE_MAX];
};

/* ---- Lines ------------------------------------------------------------- */

static struct input *
open_input(const struct ctl *ctl, const char *path)
{
	struct input *in = calloc(1, sizeof(*in));
	struct stat st;

	if (in == NULL) {
		ctl_say(ctl, "out of memory");
		return (NULL);
	}
	in->fd = STDIN_FILENO;
	if (strcmp(path, "-") != 0)
		in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (in->fd < 0) {
		ctl_say(ctl, "%s: %s", path, strerror(errno));
		free(in);
		return (NULL);
	}
	if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode))
		in->size = (uint64_t)st.st_size;
	return (in);
}

static void
close_input(struct input *in)
{
	if (in->fd != STDIN_FILENO)
		(void)close(in->fd);
	sodium_memzero(in, sizeof(*in));
	free(in);
}

/* Read more behind what is left, which moves to the front. */
static void
fill(struct input *in)
{
	ssize_t n;

	memmove(in->bytes, in->bytes + in->start, in->end - in->start);
	in->end -= in->start;
	in->start = 0;
	do {
		n = read(in->fd, in->bytes + in->end,
		    sizeof(in->bytes) - in->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		in->error = errno;
	if (n <= 0)
		in->ended = true;
	else
		in->end += (size_t)n;
}

/*
 * The next line, without its end; false if there is none.  A line that is
 * too long comes in parts, of which the first is refused as too long.
 */
static bool
next_line(struct input *in, const char **line, size_t *len)
{
	const char *newline;
	size_t seen = 0;

	for (;;) {
		newline = memchr(in->bytes + in->start + seen, '\n',
		    in->end - in->start - seen);
		seen = in->end - in->start;
		if (newline != NULL || seen >= LK_EXPORT_LINE_MAX || in->ended)
			break;
		fill(in);
	}
	*line = in->bytes + in->start;
	*len = newline != NULL ? (size_t)(newline - *line) : seen;
	in->start += *len + (newline != NULL ? 1 : 0);
	in->taken += *len + 1;
	return (in->error == 0 && (newline != NULL || *len > 0));
}

/* ---- Taking them ------------------------------------------------------- */

static enum lk_status
take_lines(struct lk_import *importing, struct input *in,
    struct lk_import_state *state)
{
	struct ctl_progress progress;
	enum lk_status status = LK_OK;
	const char *line;
	size_t len;

	ctl_progress_start(&progress);
	while (status == LK_OK && next_line(in, &line, &len)) {
		status = lk_import_line(importing, line, len);
		lk_import_state(importing, state);
		ctl_progress_show(&progress,
		    in->size > 0 ? (double)in->taken / (double)in->size : -1.0,
		    state->lines, "lines");
	}
	ctl_progress_end(&progress);
	return (status);
}

/* Say how many were left out for one reason. */
static int
say_left_out(const struct ctl *ctl, uint64_t count, const char *why)
{
	if (count == 0)
		return (CTL_DONE);
	ctl_say(ctl, "left out %llu: %s", (unsigned long long)count, why);
	return (CTL_REFUSED);
}

/* Print what became of the lines. */
static int
report(struct ctl *ctl, const struct lk_import_state *s)
{
	const uint64_t left_out = s->no_token + s->unfit_user + s->conflict;
	int code = CTL_DONE;

	lk_buf_printf(&ctl->out,
	    "{\"sessions\":%llu,\"users\":%llu,\"known\":%llu,"
	    "\"expired\":%llu,\"left_out\":%llu}\n",
	    (unsigned long long)s->sessions, (unsigned long long)s->users,
	    (unsigned long long)s->known, (unsigned long long)s->expired,
	    (unsigned long long)left_out);
	code |= say_left_out(ctl, s->no_token,
	    "layout \"gosession\" keeps tokens, and the line has none of its "
	    "kind");
	code |= say_left_out(ctl, s->unfit_user,
	    "layout \"gosession\" has no user id with '_'");
	code |= say_left_out(ctl, s->conflict,
	    "something else is in their place");
	return (code);
}

static int
run_import(struct ctl *ctl, struct lk_import *importing, struct input *in)
{
	struct lk_import_state state = { .lines = 0 };
	enum lk_status status = LK_FAULT, flushed = LK_FAULT;
	int code, left_out;

	status = take_lines(importing, in, &state);
	code = ctl_answer(ctl, status, "line");
	if (in->error != 0) {
		ctl_say(ctl, "cannot read: %s", strerror(in->error));
		code = CTL_USAGE;
	}
	/* What stood before a wrong line stays. */
	if (status == LK_OK || status == LK_E_INVAL) {
		flushed = lk_import_flush(importing);
		if (flushed != LK_OK)
			code = ctl_answer(ctl, flushed, "store");
	}
	lk_import_state(importing, &state);
	if (code == CTL_DONE && !state.done) {
		ctl_say(ctl, "line %llu: expected an end line: it is cut off",
		    (unsigned long long)state.lines + 1);
		code = CTL_USAGE;
	}
	left_out = report(ctl, &state);
	return (code != CTL_DONE ? code : left_out);
}

int
ctl_store_import(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = { { NULL, NULL, NULL } };
	struct lk_import *importing = NULL;
	struct input *in = NULL;
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands > 1)
		return (ctl_usage(ctl, "one FILE, or - for standard input"));
	if ((in = open_input(ctl, operands == 1 ? argv[0] : "-")) == NULL)
		return (CTL_USAGE);
	status = lk_import_new(ctl->manager, &importing);
	code = status == LK_OK ? run_import(ctl, importing, in)
	                       : ctl_answer(ctl, status, "store");
	lk_import_free(importing);
	close_input(in);
	return (code);
}
