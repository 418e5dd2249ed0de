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

#endif /* !TEST_H_ */
