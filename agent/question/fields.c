#include <stdio.h>
#include <string.h>

#include "base/form.h"
#include "base/json.h"
#include "question/fields.h"

/* How JSON has it; a form has the text of the same. */
enum kind {
	TEXT,   /* a string */
	NUMBER, /* one that is whole and not negative, without an exponent */
	ANY     /* whatever it is */
};

/* Longest name, and longest text of all but ANY. */
#define NAME_MAX_LEN 16
#define TEXT_MAX 4096

static const struct {
	const char *name;
	enum kind kind;
	size_t max;
	bool filled; /* it must not be empty */
} table[AGENT_FIELD_COUNT] = {
	[AGENT_TOKEN] = { "token", TEXT, TEXT_MAX, true },
	[AGENT_ID] = { "id", TEXT, 512, true },
	[AGENT_USER] = { "user", TEXT, 256, true },
	[AGENT_CLIENT] = { "client", TEXT, 32, false },
	[AGENT_TTL] = { "ttl", NUMBER, 10, true },
	[AGENT_PEER] = { "peer", TEXT, 64, false },
	[AGENT_AGENT] = { "agent", TEXT, 512, false },
	[AGENT_REPLACES] = { "replaces", TEXT, TEXT_MAX, false },
	[AGENT_URL] = { "url", TEXT, TEXT_MAX, false },
	[AGENT_REASON] = { "reason", TEXT, 32, true },
	[AGENT_DETAIL] = { "detail", ANY, AGENT_BODY_MAX, true },
	[AGENT_AUDIENCE] = { "audience", TEXT, 1024, true },
	/* Of RFC 7662; there is nothing to be hinted at. */
	[AGENT_TOKEN_TYPE_HINT] = { "token_type_hint", TEXT, 64, false },
};

static const char unknown[] = "a field that is not known here";

const char *
agent_field_name(enum agent_field field)
{
	return (table[field].name);
}

const char *
agent_field(const struct agent_fields *fields, enum agent_field field)
{
	const size_t at = fields->at[field];

	return (at == 0 ? NULL : fields->text.data + at - 1);
}

void
agent_fields_free(struct agent_fields *fields)
{
	lk_buf_free(&fields->text);
	memset(fields->at, 0, sizeof(fields->at));
}

/* ---- What both have in common ------------------------------------------ */

/* Begin the value of the field ${name}, if it may be there. */
static const char *
begin(struct agent_fields *fields, const char *name, unsigned int takes,
    enum agent_field *field)
{
	int i;

	for (i = 0; i < AGENT_FIELD_COUNT; i++) {
		if (strcmp(name, table[i].name) == 0)
			break;
	}
	if (i == AGENT_FIELD_COUNT || (takes & AGENT_BIT(i)) == 0)
		return (unknown);
	fields->named = *field = (enum agent_field)i;
	if (fields->at[i] != 0)
		return ("a field twice");
	fields->at[i] = fields->text.len + 1;
	return (NULL);
}

/* End the value that is the last of the text. */
static const char *
end(struct agent_fields *fields, enum agent_field field)
{
	const size_t len = fields->text.len - (fields->at[field] - 1);
	const char *text;

	lk_buf_add(&fields->text, "", 1);
	if (fields->text.failed)
		return ("too much");
	text = agent_field(fields, field);
	if (memchr(text, '\0', len) != NULL)
		return ("a value with a NUL");
	if (len > table[field].max)
		return ("a value that is too long");
	if (len == 0 && table[field].filled)
		return ("a value that is empty");
	if (table[field].kind == NUMBER && strspn(text, "0123456789") != len)
		return ("a number that is not a whole one");
	fields->named = AGENT_FIELD_COUNT;
	return (NULL);
}

/* ${wrong} with the name of the field, or with those that there are.  What the
 * caller wrote in the place of a name may be a secret. */
static const char *
tell(struct agent_fields *fields, const char *wrong, unsigned int takes)
{
	size_t at = 0;
	int i;

	if (wrong == unknown) {
		at = (size_t)snprintf(fields->wrong, sizeof(fields->wrong),
		    "%s; known are:", wrong);
		for (i = 0; i < AGENT_FIELD_COUNT; i++) {
			if ((takes & AGENT_BIT(i)) != 0)
				at += (size_t)snprintf(fields->wrong + at,
				    sizeof(fields->wrong) - at, " %s",
				    table[i].name);
		}
	} else if (wrong != NULL && fields->named != AGENT_FIELD_COUNT) {
		(void)snprintf(fields->wrong, sizeof(fields->wrong), "%s: %s",
		    table[fields->named].name, wrong);
	}
	return (fields->wrong[0] != '\0' ? fields->wrong : wrong);
}

/* ---- Forms --------------------------------------------------------------- */

static const char *
read_field(struct agent_fields *fields, const struct lk_form_field *said,
    unsigned int takes)
{
	struct lk_buf name = LK_BUF_INIT(NAME_MAX_LEN);
	enum agent_field field = AGENT_TOKEN;
	const char *wrong;

	/* A form that ends with an ampersand lacks a field, too. */
	if (said->value == NULL)
		return ("a field without a value");
	if (!lk_form_decode(said->name, said->name_len, &name))
		wrong = "a % that encodes nothing";
	else if (name.failed || name.len == 0 ||
	    memchr(name.data, '\0', name.len) != NULL)
		wrong = unknown;
	else
		wrong = begin(fields, name.data, takes, &field);
	lk_buf_free(&name);
	if (wrong != NULL)
		return (wrong);
	if (!lk_form_decode(said->value, said->value_len, &fields->text))
		return ("a % that encodes nothing");
	return (end(fields, field));
}

static const char *
read_form(const char *text, size_t len, unsigned int takes,
    struct agent_fields *fields)
{
	struct lk_form_field said;
	const char *wrong = NULL;
	size_t at = 0;

	while (wrong == NULL && lk_form_next(text, len, &at, &said))
		wrong = read_field(fields, &said, takes);
	return (wrong);
}

/* ---- JSON (RFC 8259) ----------------------------------------------------- */

static const char *
read_value(struct agent_fields *fields, enum agent_field field,
    const char *value, size_t len)
{
	char *room;

	if (table[field].kind != TEXT) {
		/* A number's text is digits, and no string's is. */
		lk_buf_add(&fields->text, value, len);
		return (end(fields, field));
	}
	if (value[0] != '"')
		return ("a value that is not a string");
	/* No text is longer than what it is quoted as. */
	if ((room = lk_buf_room(&fields->text, len)) == NULL)
		return ("too much");
	if (!lk_json_text(value, len, room, len))
		return ("a value with a NUL");
	lk_buf_grew(&fields->text, strlen(room));
	return (end(fields, field));
}

static const char *
read_json(const char *text, size_t len, unsigned int takes,
    struct agent_fields *fields)
{
	enum agent_field field = AGENT_TOKEN;
	const char *name, *value, *wrong = NULL;
	size_t at = 0, name_len, value_len;
	char plain[NAME_MAX_LEN + 1];

	if (!lk_json_is_object(text, len))
		return ("something else than one object of JSON, with each "
		        "name once");
	while (wrong == NULL &&
	    lk_json_pair(text, len, &at, &name, &name_len, &value,
	        &value_len)) {
		if (!lk_json_text(name, name_len, plain, sizeof(plain)))
			wrong = unknown;
		else
			wrong = begin(fields, plain, takes, &field);
		if (wrong == NULL)
			wrong = read_value(fields, field, value, value_len);
	}
	return (wrong);
}

const char *
agent_fields_read(const char *text, size_t len, bool json, unsigned int takes,
    struct agent_fields *fields)
{
	*fields = (struct agent_fields){
		.text = LK_BUF_INIT(AGENT_BODY_MAX + 64),
		.named = AGENT_FIELD_COUNT
	};
	return (tell(fields,
	    json ? read_json(text, len, takes, fields)
	         : read_form(text, len, takes, fields),
	    takes));
}
