/*
 * The path that a request is about, read once and in one way.  Pure.
 *
 * Servers and applications differ in how they read an unusual path, and where
 * the gate reads one thing and the server behind it another, a rule is walked
 * around.  So the readings that all of them share are carried out here, and a
 * path that they are known to read apart is refused, whatever the rules are:
 * the gate cannot know what stands behind it, and whoever adds a second rule
 * later should not thereby change which requests are well-formed.
 *
 * Carried out: an absolute URI (http, https) loses scheme and authority; the
 * query goes; %XX is decoded once, so that what looks like an escape
 * afterwards is plain text; slashes in a row become one; `.` and `..`
 * segments are resolved.  Upper and lower case differ and a final slash stays.
 *
 * Refused: an encoded slash, since some servers split segments before and
 * some after decoding (applications that put %2F into a path cannot be behind
 * the gate); a backslash and a control character, raw or encoded; a `%` that
 * is no escape; a raw `#`, which no client sends; UTF-8 that is longer than
 * it need be, in which a slash can hide; a `..` above the root, or behind
 * slashes in a row, which some merge before they go up and some do not; and a
 * path of more than GATE_PATH_MAX bytes.
 *
 * What follows a `;` in a segment is a part of the path to some servers and a
 * parameter beside it to others.  Both readings exist here; see rules.h.
 */
#ifndef GATE_PATH_H_
#define GATE_PATH_H_

#include <stdbool.h>
#include <stddef.h>

/* Longest path, as it is sent and when it is read. */
#define GATE_PATH_MAX 4096

/** A path; empty if there is none.  It starts with a slash. */
struct gate_path {
	bool has_params; /* what it was read from has a `;` */
	size_t len;
	char text[GATE_PATH_MAX + 1];
};

/**
 * gate_path_read(uri, path):
 * Read the path of ${uri}, a request target as the client sent it.  NULL, or
 * why it is refused, in a sentence; ${path} is empty then.
 */
const char *gate_path_read(const char *uri, struct gate_path *path);

/**
 * gate_path_read_bare(uri, path):
 * The other reading: without what follows a `;` in each segment.  It is gone
 * before dot segments are resolved, so that `..;` goes up, and `x;/..` too.
 */
const char *gate_path_read_bare(const char *uri, struct gate_path *path);

#endif /* !GATE_PATH_H_ */
