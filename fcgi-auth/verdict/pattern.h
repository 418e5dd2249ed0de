/* Patterns of paths, as rules.h describes them.  Pure. */
#ifndef GATE_PATTERN_H_
#define GATE_PATTERN_H_

#include <stdbool.h>

/**
 * gate_pattern_matches(pattern, path):
 * Whether the read path ${path} is one that ${pattern}, of at most
 * LK_RULE_PATH_MAX bytes, describes.  The time it takes is at most the
 * product of their lengths.
 */
bool gate_pattern_matches(const char *pattern, const char *path);

#endif /* !GATE_PATTERN_H_ */
