/*
 * Libraries that are loaded when they are wanted: who does not want one does
 * not pay for its start.
 *
 * A list of functions is a macro, LIBRARY(F), which says F(name) of each.
 */
#ifndef LK_LIBRARY_H_
#define LK_LIBRARY_H_

#include <stdbool.h>

/** Of a function its pointer, a member of a struct, and its name. */
#define LK_LIBRARY_POINTER(name) __typeof__(&(name)) name##_;
#define LK_LIBRARY_NAME(name) #name "\0"

/**
 * lk_library_load(file, names, pointers):
 * Load a library of the system's, which ${file} names as its linker would
 * (`libm.so.6`), and find functions in it: ${names} is
 * LIBRARY(LK_LIBRARY_NAME),
 * ${pointers} where the members of LIBRARY(LK_LIBRARY_POINTER) begin.  False if
 * it is not here, or one of them is not in it.  It is never unloaded.
 */
bool lk_library_load(const char *file, const char *names, void *pointers);

#endif /* !LK_LIBRARY_H_ */
