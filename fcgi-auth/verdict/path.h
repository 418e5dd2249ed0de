/*
 * The path that a request is about, and all that it may be taken for.  Pure.
 *
 * Servers, frameworks and applications differ in how they read an unusual
 * path, and where the gate reads one thing and what stands behind it another,
 * a rule is walked around.  So what no client sends by itself is refused,
 * whatever the rules are, and what some do send is read in every way that is
 * known: the rules must say the same about each reading (rules.h).
 *
 * Always carried out: an absolute URI (http, https) loses scheme and
 * authority; the query goes; %XX is decoded.  Upper and lower case differ and
 * a plain final slash stays.
 *
 * Refused: a `.` or `..` segment in any reading, since some walk it and some
 * route by it; a backslash and a control character, raw or encoded; a `%` that
 * is no escape; a raw `#`; UTF-8 that is longer than it need be, in which a
 * slash can hide; escapes of escapes of escapes; what follows a `;` beside an
 * encoded slash or an escape that stands for part of another, since it is open
 * where that ends; and a path of more than GATE_PATH_MAX bytes.
 *
 * Read in several ways:
 *
 *	//	one slash; an empty segment; at the start, what is before an
 *		authority (`//host/x` is /x)
 *	x;y	as it stands; without the `;` and what follows it in the
 *		segment, raw or encoded, or raw alone
 *	%2F	a slash; a character of its segment
 *	%25XX	the text %XX; what that decodes to, `?` and `#` ending the path
 *
 * and the final slash of a path with any of these in it: kept; cut off.
 */
#ifndef GATE_PATH_H_
#define GATE_PATH_H_

#include <stdbool.h>
#include <stddef.h>

/* Longest path, as it is sent and when it is read. */
#define GATE_PATH_MAX 4096
/* Stands in a reading for a slash that is a character of its segment. */
#define GATE_PATH_SLASH '\x01'

/** A path; empty if there is none.  It starts with a slash. */
struct gate_path {
	size_t len;
	char text[GATE_PATH_MAX + 1];
};

/** A path that was decoded: its bytes, and of how many escapes each came. */
struct gate_decoded {
	size_t len;
	char text[GATE_PATH_MAX + 1];
	unsigned char level[GATE_PATH_MAX + 1];
};

/** What was requested, before it is read in one way or another. */
struct gate_target {
	struct gate_decoded once;
	struct gate_decoded twice;
	bool params;  /* there is a `;` */
	bool slashes; /* there is a slash from an escape */
	bool again;   /* decoding it once more makes something else of it */
	bool odd;     /* one of these, or slashes in a row */
	unsigned int next; /* of gate_target_next() */
};

/**
 * gate_target_read(uri, target, path):
 * Read ${uri}, a request target as the client sent it.  NULL and its usual
 * reading in ${path}, in which slashes in a row are one, an encoded slash is a
 * slash, and a `;` is a character; or why it is refused, in a sentence, and an
 * empty ${path}.
 */
const char *gate_target_read(const char *uri, struct gate_target *target,
    struct gate_path *path);

/**
 * gate_target_next(target, path):
 * Another reading of a ${target} that was read; false if there is no further
 * one.  None of them has more bytes than the target.
 */
bool gate_target_next(struct gate_target *target, struct gate_path *path);

#endif /* !GATE_PATH_H_ */
