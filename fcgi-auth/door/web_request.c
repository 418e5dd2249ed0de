#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "door/web_request.h"
#include "endpoints/endpoints.h"

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool
is_method(const char *value)
{
	return (value[strspn(value, LETTERS DIGITS "!#$%&'*+-.^_`|~")] == '\0');
}

/* Printable without spaces: what joins several values has one, and no URI
 * has. */
static bool
is_uri(const char *value)
{
	for (; *value != '\0'; value++) {
		if ((unsigned char)*value <= ' ' || *value == '\x7f')
			return (false);
	}
	return (true);
}

/* A host's name, an IP address, or what a web server says for want of one. */
static bool
is_word(const char *value)
{
	return (value[strspn(value, LETTERS DIGITS "-._:%[]@/")] == '\0');
}

/* Whether no other header's name makes the same parameter's. */
static bool
is_plain(const char *name)
{
	while ((*name >= 'a' && *name <= 'z') ||
	    (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9') ||
	    *name == '-')
		name++;
	return (*name == '\0');
}

/* What the web server has to say, and as which parameters. */
static const struct {
	const char *header;
	const char *parameter;
	bool (*is_one)(const char *value);
} told[] = {
	{ "X-Latchkey-Method", "LATCHKEY_METHOD", is_method },
	{ "X-Latchkey-Uri", "REQUEST_URI", is_uri },
	{ "X-Latchkey-Host", "LATCHKEY_HOST", is_word },
	{ "X-Latchkey-Peer", "REMOTE_ADDR", is_word },
};

enum { TOLD = sizeof(told) / sizeof(told[0]) };

/* Which of them a header is; TOLD if none. */
static size_t
told_by(const char *name)
{
	size_t i = 0;

	if (name[0] != 'X' && name[0] != 'x')
		return (TOLD);
	while (i < TOLD && strcasecmp(name, told[i].header) != 0)
		i++;
	return (i);
}

const char *
gate_web_endpoint(const char *target)
{
	const size_t len = strcspn(target, "?");
	const char *name;
	int i;

	for (i = GATE_ENDPOINT_NONE + 1; i < GATE_ENDPOINT_COUNT; i++) {
		name = gate_endpoint_name((enum gate_endpoint)i);
		if (target[0] == '/' && strlen(name) == len - 1 &&
		    memcmp(target + 1, name, len - 1) == 0)
			return (name);
	}
	return (NULL);
}

void
gate_web_header(struct gate_web_request *request, const char *name,
    const char *value)
{
	value = value == NULL ? "" : value;
	/* With a space before its colon it may be a body's to others, and is to
	 * be refused in any case (RFC 9112, section 5.1). */
	if (strpbrk(name, " \t") != NULL ||
	    strcasecmp(name, "Transfer-Encoding") == 0 ||
	    (strcasecmp(name, "Content-Length") == 0 &&
	        strcmp(value, "0") != 0))
		request->body = true;
	if (request->n == GATE_PARAMS_MAX) {
		request->too_many = true;
		return;
	}
	request->headers[request->n].name = name;
	request->headers[request->n].value = value;
	request->headers[request->n++].told = told_by(name);
}

const char *
gate_web_refuses(const struct gate_web_request *request)
{
	size_t n[TOLD + 1] = { 0 }, i, which;

	if (request->body)
		return ("it has a body");
	if (request->too_many)
		return ("it has too many headers");
	for (i = 0; i < request->n; i++) {
		which = request->headers[i].told;
		n[which]++;
		if (which < TOLD &&
		    (request->headers[i].value[0] == '\0' ||
		        !told[which].is_one(request->headers[i].value)))
			n[which]++;
	}
	for (i = 0; i < TOLD; i++) {
		if (n[i] != 1)
			return ("the web server did not say once each what is "
			        "requested, and of whom");
	}
	return (NULL);
}

/* Append "NAME=value" and a NUL; of a header, ${name} as FastCGI has it. */
static char *
put(char *at, const char *prefix, const char *name, const char *value)
{
	size_t len = strlen(prefix);
	const char *c;

	memcpy(at, prefix, len);
	at += len;
	for (c = name; *c != '\0'; c++) {
		if (*c >= 'a' && *c <= 'z')
			*at++ = (char)(*c - 'a' + 'A');
		else if (*c == '-')
			*at++ = '_';
		else
			*at++ = *c;
	}
	*at++ = '=';
	len = strlen(value) + 1;
	memcpy(at, value, len);
	return (at + len);
}

char **
gate_web_env(const struct gate_web_request *request)
{
	static const char asked[] = "LATCHKEY_ENDPOINT";
	const char *endpoint = request->endpoint == NULL
	    ? ""
	    : request->endpoint;
	/* The longest name that takes another's place. */
	size_t size = sizeof(asked) + strlen(endpoint) + 1, i, n = 0, which;
	const char *name;
	char **env, *at;

	for (i = 0; i < request->n; i++)
		size += sizeof("HTTP_=") + strlen(request->headers[i].name) +
		    strlen(request->headers[i].value);
	env = malloc((request->n + 2) * sizeof(*env) + size);
	if (env == NULL)
		return (NULL);
	at = (char *)(env + request->n + 2);
	env[n++] = at;
	at = put(at, "", asked, endpoint);
	for (i = 0; i < request->n; i++) {
		name = request->headers[i].name;
		which = request->headers[i].told;
		if (which == TOLD && !is_plain(name))
			continue;
		env[n++] = at;
		at = which < TOLD
		    ? put(at, "", told[which].parameter,
		          request->headers[i].value)
		    : put(at, "HTTP_", name, request->headers[i].value);
	}
	env[n] = NULL;
	return (env);
}
