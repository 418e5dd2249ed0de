#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "figure.h"

_Noreturn void
die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

double
seconds(void)
{
	return ((double)lk_monotonic_ns() / 1e9);
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

double
quantile(double *values, size_t n, double part)
{
	size_t at = (size_t)((double)n * part);

	qsort(values, n, sizeof(*values), by_value);
	return (values[at < n ? at : n - 1]);
}

double
median(double *values, size_t n)
{
	return (quantile(values, n, 0.5));
}

void
print_figure(const char *name, double value, const char *unit)
{
	printf("bench %s %.2f %s\n", name, value, unit);
	(void)fflush(stdout);
}

void
print_goal(const char *name, double value, const char *op, double goal)
{
	const bool met = op[0] == '>' ? value >= goal : value <= goal;

	printf("bench %s %.2f ratio goal %s %.2f %s\n", name, value, op, goal,
	    met ? "ok" : "short");
	(void)fflush(stdout);
}
