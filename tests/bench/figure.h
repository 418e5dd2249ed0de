/* Figures: how they are measured, compared and printed. */
#ifndef FIGURE_H_
#define FIGURE_H_

#include <stddef.h>

/* Rounds in which both sides of a comparison take turns. */
#define ROUNDS 25

/* Say what went wrong, and end. */
_Noreturn void die(const char *what);

/* Seconds on a clock that nobody sets. */
double seconds(void);

/* The median, and the value that ${part} of them do not exceed; both sort. */
double median(double *values, size_t n);
double quantile(double *values, size_t n, double part);

/* `bench NAME VALUE UNIT`, and with `goal OP NUMBER ok` or `... short`. */
void print_figure(const char *name, double value, const char *unit);
void print_goal(const char *name, double value, const char *op, double goal);

#endif /* !FIGURE_H_ */
