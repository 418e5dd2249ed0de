/* A fuzz target, by the name that libFuzzer calls it. */
#ifndef FUZZ_H_
#define FUZZ_H_

#include <stddef.h>
#include <stdint.h>

/** LLVMFuzzerTestOneInput(bytes, len): 0, or the process aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/** How often fuzz_pam's user was let in so far. */
extern unsigned long fuzz_pam_let_in;

#endif /* !FUZZ_H_ */
