/*
 * One site, asked over HTTP as nobody's browser would: each byte of a request
 * is the caller's, and nothing follows from an answer.
 */
#ifndef CTL_HTTP_H_
#define CTL_HTTP_H_

#include "base/buf.h"
#include "latchkey.h"

/* Most bytes of a body that are looked at. */
#define CTL_HTTP_BODY_MAX 262144

struct ctl_http;

enum ctl_http_version { CTL_HTTP_1_1 = 0, CTL_HTTP_1_0, CTL_HTTP_2 };

struct ctl_http_request {
	const char *method;         /* NULL: GET */
	const char *target;         /* as it is sent; NULL: the URL's own */
	const char *const *headers; /* "Name: value", ended by NULL; or NULL */
	enum ctl_http_version version;
};

struct ctl_http_answer {
	long status;            /* 0: there was none */
	long version;           /* 2: HTTP/2, 1: older */
	bool late;              /* it was not over when the time was */
	struct lk_buf body;     /* without a NUL */
	char why[LK_ERROR_MAX]; /* there was none */
};

#define CTL_HTTP_ANSWER_INIT                                 \
	{                                                    \
		0, 0, false, LK_BUF_INIT(CTL_HTTP_BODY_MAX), \
		{                                            \
			'\0'                                 \
		}                                            \
	}

/**
 * ctl_http_open(http, url, ca, error):
 * Look at ${url}, http or https, and load libcurl, which nothing else of the
 * command needs.  ${ca} is a file of certificates to trust, or NULL for the
 * system's.  LK_E_INVAL for a URL that is none, LK_E_SETTINGS where there is no
 * libcurl.  ctl_http_close() takes it.
 */
enum lk_status ctl_http_open(struct ctl_http **http, const char *url,
    const char *ca, struct lk_error *error) LK_MUST_CHECK;

void ctl_http_close(struct ctl_http *http);

/** ctl_http_path(http): the path of its URL, with the query; ctl_http_host():
 * its host, and its port if the URL has one; ctl_http_user(): the user that the
 * URL names, or "".  They live as long as ${http}. */
const char *ctl_http_path(const struct ctl_http *http);
const char *ctl_http_host(const struct ctl_http *http);
const char *ctl_http_user(const struct ctl_http *http);

/**
 * ctl_http_ask(http, request, answer):
 * Ask, wait at most ten seconds, and write the answer over ${answer}, whose
 * body the caller frees.  No redirect is followed, no proxy asked, no cookie
 * kept.  What comes behind the status 101, or the most bytes, is not waited
 * for.
 */
void ctl_http_ask(struct ctl_http *http, const struct ctl_http_request *request,
    struct ctl_http_answer *answer);

#endif /* !CTL_HTTP_H_ */
