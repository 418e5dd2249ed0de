/* The fuzz target, by the name that libFuzzer calls it. */
#ifndef FUZZ_GUARD_H_
#define FUZZ_GUARD_H_

#include <stddef.h>
#include <stdint.h>

/** LLVMFuzzerTestOneInput(bytes, len): 0, or the process aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif /* !FUZZ_GUARD_H_ */
