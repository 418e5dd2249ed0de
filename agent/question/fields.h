/*
 * What a question says, field by field: as a form encodes it, or as JSON.  Both
 * say the same, or the question is refused.  Pure.
 */
#ifndef AGENT_FIELDS_H_
#define AGENT_FIELDS_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Longest body. */
#define AGENT_BODY_MAX ((size_t)65536)

enum agent_field {
	AGENT_TOKEN = 0,
	AGENT_ID,
	AGENT_USER,
	AGENT_CLIENT,
	AGENT_TTL,
	AGENT_PEER,
	AGENT_AGENT,
	AGENT_REPLACES,
	AGENT_URL,
	AGENT_REASON,
	AGENT_DETAIL,
	AGENT_AUDIENCE,
	AGENT_TOKEN_TYPE_HINT,
	AGENT_FIELD_COUNT
};

/** The bit of a field in a set of them. */
#define AGENT_BIT(field) (1U << (field))

/** All that was said; secret. */
struct agent_fields {
	struct lk_buf text;           /* each with a NUL behind it */
	size_t at[AGENT_FIELD_COUNT]; /* behind where it starts; 0: it is not
	                                 there */
	enum agent_field named;       /* the one that is being read, or COUNT */
	char wrong[192];              /* what is wrong, where names are said */
};

/** agent_field_name(field): what it is called. */
const char *agent_field_name(enum agent_field field);

/**
 * agent_fields_read(text, len, json, takes, fields):
 * Read ${text}, a form's or one object of JSON, which may have each field of
 * the set ${takes} once, and nothing else.  NULL, or in a few words what is
 * there instead, which lives as long as ${fields}.  agent_fields_free() in
 * every case.
 */
const char *agent_fields_read(const char *text, size_t len, bool json,
    unsigned int takes, struct agent_fields *fields);

/** agent_field(fields, field): its text, or NULL. */
const char *agent_field(const struct agent_fields *fields,
    enum agent_field field);

/** agent_fields_free(fields): Wipe and free; zeroed is fine. */
void agent_fields_free(struct agent_fields *fields);

#endif /* !AGENT_FIELDS_H_ */
