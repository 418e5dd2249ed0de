/* A fuzz target, by the name that libFuzzer calls it, and what it asserts. */
#ifndef FUZZ_H_
#define FUZZ_H_

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Not assert(): this must hold in every build. */
#define MUST(condition)                                                 \
	do {                                                            \
		if (!(condition)) {                                     \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,  \
			    __LINE__, #condition);                      \
			abort();                                        \
		}                                                       \
	} while (0)

/** LLVMFuzzerTestOneInput(bytes, len): 0, or the process aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/** How often fuzz_pam's user was let in so far. */
extern unsigned long fuzz_pam_let_in;

#endif /* !FUZZ_H_ */
