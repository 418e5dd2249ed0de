#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/error.h"
#include "base/library.h"
#include "http.h"

/* Longest a request takes, and a connection until it stands, in ms. */
#define REQUEST_MS 10000L
#define CONNECT_MS 5000L

/* clang-format off */
#define LIBCURL(F) \
	F(curl_easy_init) F(curl_easy_setopt) F(curl_easy_perform) \
	F(curl_easy_getinfo) F(curl_easy_reset) F(curl_easy_cleanup) \
	F(curl_easy_strerror) F(curl_slist_append) F(curl_slist_free_all) \
	F(curl_url) F(curl_url_set) F(curl_url_get) F(curl_url_cleanup) \
	F(curl_free)
/* clang-format on */

struct ctl_http {
	LIBCURL(LK_LIBRARY_POINTER)
	CURL *easy;
	CURLU *url;
	char *path, *host, *user;
	const char *ca;
};

/* The part of the URL; NULL if there is none. */
static char *
part_of(struct ctl_http *http, CURLUPart part)
{
	char *text = NULL;

	return (http->curl_url_get_(http->url, part, &text, 0) == CURLUE_OK
	        ? text
	        : NULL);
}

/* Write ${a}, ${sign} and what ${b} is, if it is. */
static char *
join(const char *a, const char *sign, const char *b)
{
	struct lk_buf out = LK_BUF_INIT(65536);

	lk_buf_str(&out, a);
	if (b != NULL) {
		lk_buf_str(&out, sign);
		lk_buf_str(&out, b);
	}
	return (lk_buf_take(&out));
}

/* Whether it is a URL that may be asked, of which the parts are kept. */
static bool
take_url(struct ctl_http *http, const char *text)
{
	char *scheme, *host, *port, *path, *query, *user;
	bool good;

	if ((http->url = http->curl_url_()) == NULL ||
	    http->curl_url_set_(http->url, CURLUPART_URL, text,
	        CURLU_PATH_AS_IS) != CURLUE_OK)
		return (false);
	scheme = part_of(http, CURLUPART_SCHEME);
	host = part_of(http, CURLUPART_HOST);
	port = part_of(http, CURLUPART_PORT);
	path = part_of(http, CURLUPART_PATH);
	query = part_of(http, CURLUPART_QUERY);
	user = part_of(http, CURLUPART_USER);
	good = scheme != NULL && host != NULL && path != NULL &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	if (good) {
		http->host = join(host, ":", port);
		http->path = join(path, "?", query);
		http->user = join(user != NULL ? user : "", "", NULL);
		good = http->host != NULL && http->path != NULL &&
		    http->user != NULL &&
		    http->curl_url_set_(http->url, CURLUPART_USER, NULL, 0) ==
		        CURLUE_OK;
	}
	http->curl_free_(scheme);
	http->curl_free_(host);
	http->curl_free_(port);
	http->curl_free_(path);
	http->curl_free_(query);
	http->curl_free_(user);
	return (good);
}

enum lk_status
ctl_http_open(struct ctl_http **made, const char *url, const char *ca,
    struct lk_error *error)
{
	enum lk_status status = LK_OK;
	struct ctl_http *http;

	if ((http = *made = calloc(1, sizeof(*http))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	http->ca = ca;
	if (!lk_library_load("libcurl.so.4", LIBCURL(LK_LIBRARY_NAME), http))
		status = lk_fail(error, LK_E_SETTINGS,
		    "libcurl.so.4 is not installed, which speaks HTTP here; "
		    "on Debian and Ubuntu: apt install libcurl4");
	else if (!take_url(http, url))
		status = lk_fail(error, LK_E_INVAL,
		    "expected a URL such as https://www.example.org/app/");
	else if ((http->easy = http->curl_easy_init_()) == NULL)
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	if (status == LK_OK)
		return (LK_OK);
	ctl_http_close(http);
	*made = NULL;
	return (status);
}

void
ctl_http_close(struct ctl_http *http)
{
	if (http == NULL)
		return;
	free(http->host);
	free(http->path);
	free(http->user);
	if (http->easy != NULL)
		http->curl_easy_cleanup_(http->easy);
	if (http->url != NULL)
		http->curl_url_cleanup_(http->url);
	/* The library stays: it has handlers that run at the end. */
	free(http);
}

const char *
ctl_http_path(const struct ctl_http *http)
{
	return (http->path);
}

const char *
ctl_http_user(const struct ctl_http *http)
{
	return (http->user);
}

const char *
ctl_http_host(const struct ctl_http *http)
{
	return (http->host);
}

/* What is more than is looked at ends the answer, which may have no end. */
static size_t
keep(char *bytes, size_t one, size_t n, void *cookie)
{
	struct lk_buf *const body = cookie;
	const size_t room = body->max - body->len;
	size_t i;

	(void)one;
	for (i = 0; i < n; i++)
		if (bytes[i] == '\0')
			bytes[i] = '\n';
	lk_buf_add(body, bytes, n < room ? n : room);
	return (n < room ? n : 0);
}

/* Once protocols are switched no other answer follows. */
static size_t
look(char *line, size_t one, size_t n, void *cookie)
{
	(void)one;
	(void)cookie;
	return (n > 12 && memcmp(line, "HTTP/1.1 101", 12) == 0 ? 0 : n);
}

static void
say_request(struct ctl_http *http, const struct ctl_http_request *request)
{
	static const long versions[] = { CURL_HTTP_VERSION_1_1,
		CURL_HTTP_VERSION_1_0, CURL_HTTP_VERSION_2TLS };
	const char *method = request->method != NULL ? request->method : "GET";
	long version = versions[request->version];
	char *scheme = part_of(http, CURLUPART_SCHEME);

	/* Without TLS nobody can be asked which he speaks. */
	if (request->version == CTL_HTTP_2 && scheme != NULL &&
	    strcmp(scheme, "http") == 0)
		version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
	http->curl_free_(scheme);
#define SET(option, value) \
	(void)http->curl_easy_setopt_(http->easy, CURLOPT_##option, value)
	SET(CURLU, http->url);
	SET(REQUEST_TARGET,
	    request->target != NULL ? request->target : http->path);
	SET(HTTP_VERSION, version);
	if (strcmp(method, "HEAD") == 0)
		SET(NOBODY, 1L);
	else
		SET(CUSTOMREQUEST, method);
	SET(USERAGENT, "latchkey-probe");
	SET(PROXY, "");
	SET(NOSIGNAL, 1L);
	SET(TIMEOUT_MS, REQUEST_MS);
	SET(CONNECTTIMEOUT_MS, CONNECT_MS);
	if (http->ca != NULL)
		SET(CAINFO, http->ca);
}

void
ctl_http_ask(struct ctl_http *http, const struct ctl_http_request *request,
    struct ctl_http_answer *answer)
{
	struct curl_slist *headers = NULL, *more;
	char why[CURL_ERROR_SIZE] = "";
	long version = 0;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	size_t i;

	lk_buf_reset(&answer->body);
	answer->status = 0;
	answer->late = false;
	answer->why[0] = '\0';
	http->curl_easy_reset_(http->easy);
	for (i = 0; request->headers != NULL && request->headers[i] != NULL;
	     i++) {
		more = http->curl_slist_append_(headers, request->headers[i]);
		if (more == NULL)
			goto out;
		headers = more;
	}
	say_request(http, request);
	SET(HTTPHEADER, headers);
	SET(ERRORBUFFER, why);
	SET(HEADERFUNCTION, look);
	SET(WRITEFUNCTION, keep);
	SET(WRITEDATA, &answer->body);
	code = http->curl_easy_perform_(http->easy);
	(void)http->curl_easy_getinfo_(http->easy, CURLINFO_RESPONSE_CODE,
	    &answer->status);
	(void)http->curl_easy_getinfo_(http->easy, CURLINFO_HTTP_VERSION,
	    &version);
	answer->late = code == CURLE_OPERATION_TIMEDOUT;
	answer->version = version >= CURL_HTTP_VERSION_2_0 ? 2 : 1;
#undef SET
out:
	http->curl_slist_free_all_(headers);
	/* One that was cut short has been answered all the same. */
	if (code != CURLE_OK && answer->status == 0)
		(void)snprintf(answer->why, sizeof(answer->why), "%s",
		    why[0] != '\0' ? why : http->curl_easy_strerror_(code));
}
