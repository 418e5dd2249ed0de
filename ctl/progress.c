#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "progress.h"

#define WIDTH 30
#define BETWEEN_NS 100000000

void
ctl_progress_start(struct ctl_progress *p)
{
	p->on = isatty(STDERR_FILENO) == 1;
	p->shown_ns = 0;
}

void
ctl_progress_show(struct ctl_progress *p, double part, uint64_t count,
    const char *what)
{
	char bar[WIDTH + 1];
	int64_t now;
	int filled;

	if (!p->on)
		return;
	now = lk_monotonic_ns();
	if (p->shown_ns != 0 && now - p->shown_ns < BETWEEN_NS)
		return;
	p->shown_ns = now;
	if (part < 0) {
		fprintf(stderr, "\r%llu %s\033[K", (unsigned long long)count,
		    what);
		return;
	}
	filled = part > 1 ? WIDTH : (int)(part * WIDTH);
	memset(bar, '.', WIDTH);
	memset(bar, '#', (size_t)filled);
	bar[WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %3.0f %%  %llu %s\033[K", bar, part * 100,
	    (unsigned long long)count, what);
}

void
ctl_progress_end(struct ctl_progress *p)
{
	if (p->shown_ns != 0)
		fprintf(stderr, "\r\033[K");
	p->shown_ns = 0;
}
