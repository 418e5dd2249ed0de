/* Where to go on after a login.  Pure. */
#ifndef AGENT_NEXT_H_
#define AGENT_NEXT_H_

#include "base/string_list.h"

/* Longest URL that is gone on to, with its NUL. */
#define AGENT_NEXT_SIZE 2049

/**
 * agent_next(url, hosts, next):
 * What a browser that has logged in goes on to: the path on this site that
 * ${url} is, or that it has if its host is among ${hosts}, with its query; else
 * "/", and if ${url} is NULL.  No reader of it, whether it is strict or not,
 * decodes or does not, takes it for a URL of another site or for more than one
 * line: nothing of it has a backslash, a quote, an angle bracket, a space, a
 * control character or a byte beyond ASCII, plain or encoded; its path begins
 * with one slash and has no empty and no dotted segments, and nothing in it
 * encodes a slash, a dot or a percent sign.
 */
void agent_next(const char *url, const struct lk_strings *hosts,
    char next[AGENT_NEXT_SIZE]);

#endif /* !AGENT_NEXT_H_ */
