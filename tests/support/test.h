/* For each test in C: cmocka, what it wants before it, and what most use. */
#ifndef TEST_H_
#define TEST_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How many rows a table has. */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* For each row of a table, a pointer to it. */
#define EACH(row, table)                            \
	for (__typeof__(&(table)[0]) row = (table); \
	     row < (table) + COUNT(table); row++)

#endif /* !TEST_H_ */
