/* What the command says: what it prints, what is wrong, its exit code. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/escape.h"
#include "ctl.h"
#include "doctor.h"

void
ctl_say(const struct ctl *ctl, const char *format, ...)
{
	struct lk_error line;
	char text[LK_ERROR_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* lk_error_set() keeps it one line. */
	lk_error_set(&line, "latchkey: %s%s%s",
	    ctl->verb != NULL ? ctl->verb : "", ctl->verb != NULL ? ": " : "",
	    text);
	fprintf(stderr, "%s\n", line.text);
}

int
ctl_usage(const struct ctl *ctl, const char *expected)
{
	ctl_say(ctl, "expected %s; see latchkey --help", expected);
	return (CTL_USAGE);
}

enum ctl_exit
ctl_exit_of(enum lk_status status)
{
	if (status == LK_OK)
		return (CTL_DONE);
	if (status > 0)
		return (CTL_REFUSED);
	if (status == LK_E_INVAL || status == LK_E_SETTINGS)
		return (CTL_USAGE);
	return (CTL_STORE);
}

int
ctl_answer(const struct ctl *ctl, enum lk_status status, const char *what)
{
	const char *why = lk_manager_error(ctl->manager);
	const enum lk_reason ended = lk_ended(ctl->manager);

	if (status > 0 && ended != LK_REASON_NONE)
		ctl_say(ctl, "%s: %s (%s)", what, lk_status_name(status),
		    lk_reason_name(ended));
	else if (status > 0)
		ctl_say(ctl, "%s: %s", what, lk_status_name(status));
	else if (status < 0)
		ctl_say(ctl, "%s",
		    why[0] != '\0' ? why : lk_status_name(status));
	return ((int)ctl_exit_of(status));
}

/* Write all of it; 0 or an errno. */
static int
write_all(const char *p, size_t left)
{
	ssize_t n;

	while (left > 0) {
		n = write(STDOUT_FILENO, p, left);
		if (n < 0 && errno != EINTR)
			return (errno);
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		}
	}
	return (0);
}

int
ctl_print_exactly(struct ctl *ctl)
{
	int error = 0;

	if (ctl->out.failed)
		ctl_say(ctl, "out of memory");
	else if ((error = write_all(ctl->out.data, ctl->out.len)) != 0)
		ctl_say(ctl, "cannot write the answer: %s", strerror(error));
	else {
		lk_buf_reset(&ctl->out);
		return (CTL_DONE);
	}
	lk_buf_reset(&ctl->out);
	return (CTL_STORE);
}

int
ctl_print(struct ctl *ctl)
{
	struct lk_buf shown = LK_BUF_INIT(6 * (size_t)CTL_OUTPUT_MAX);

	if (!ctl->out.failed) {
		lk_escape(LK_ESCAPE_LINES, ctl->out.data, ctl->out.len, &shown);
		lk_buf_free(&ctl->out);
		ctl->out.data = shown.data;
		ctl->out.len = shown.len;
		ctl->out.cap = shown.cap;
		ctl->out.failed = shown.failed;
	}
	return (ctl_print_exactly(ctl));
}

/* ---- What doctor finds ------------------------------------------------- */

/* Print what was found, and remember the worst. */
static void
found(struct diagnosis *d, int code, const char *mark, const char *subject,
    const char *text)
{
	lk_buf_printf(&d->ctl->out, "%-5s %s: %s\n", mark, subject, text);
	if (code > d->code)
		d->code = code;
}

void
ctl_found_good(struct diagnosis *d, const char *subject, const char *text)
{
	found(d, CTL_DONE, "ok", subject, text);
}

void
ctl_found_hint(struct diagnosis *d, const char *subject, const char *text)
{
	found(d, CTL_DONE, "hint", subject, text);
}

void
ctl_found_bad(struct diagnosis *d, int code, const char *subject,
    const char *text)
{
	found(d, code, "WRONG", subject, text);
}
