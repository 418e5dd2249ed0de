/*
 * What `latchkey probe` goes by: one site, what it answers to who is let in and
 * to nobody, and what was found so far.
 */
#ifndef CTL_PROBE_H_
#define CTL_PROBE_H_

#include "ctl.h"
#include "http.h"

/* Most headers of a request, the end of the list among them. */
#define PROBE_HEADERS 64
/* Longest header of a probe's own, and longest target. */
#define PROBE_TEXT 66000

struct probe {
	struct ctl *ctl;
	struct ctl_http *http;
	const char *public_path; /* NULL: none is known */
	char *token;             /* a header that carries it; NULL: none */
	struct ctl_http_answer nobody;  /* to who has no token */
	struct ctl_http_answer page;    /* to who has; status 0: none has */
	struct ctl_http_answer nowhere; /* where there is nothing */
	struct ctl_http_answer last;
	bool told_apart;      /* what is not there answers like no refusal */
	size_t asked;         /* requests */
	size_t late;          /* that were not answered in time */
	size_t ways, through; /* of the part that is under way */
	const char *part, *advice;
	int code;
};

/** probe_part(p, name, advice): Begin a part; ${advice} is what to change if
 * something gets through. */
void probe_part(struct probe *p, const char *name, const char *advice);

/** probe_part_end(p): Say that nothing got through, or what to change. */
void probe_part_end(struct probe *p);

/**
 * probe_ask(p, request, with_token):
 * Ask, with the token if the caller wants, and return the answer, which lives
 * until the next question.
 */
const struct ctl_http_answer *probe_ask(struct probe *p,
    const struct ctl_http_request *request, bool with_token);

/** probe_is_good(answer): Whether a page was shown, or a WebSocket opened. */
static inline bool
probe_is_good(const struct ctl_http_answer *answer)
{
	return (answer->status / 100 == 2 || answer->status == 101);
}

/** probe_is_shown(p, answer): The same, or whether a refusal has the page in
 * it. */
bool probe_is_shown(const struct probe *p,
    const struct ctl_http_answer *answer);

/**
 * probe_expect_refusal(p, request, what):
 * Ask what only the page could answer, without a token, and say that ${what}
 * got through if it did.
 */
void probe_expect_refusal(struct probe *p,
    const struct ctl_http_request *request, const char *what);

/** probe_open(p, format, ...): Say what got through. */
void probe_open(struct probe *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** probe_hint(p, mark, format, ...): Say something that opens nothing. */
void probe_hint(struct probe *p, const char *mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The parts, each a question to the site. */
void probe_nobody(struct probe *p);
void probe_paths(struct probe *p);
void probe_below(struct probe *p);
void probe_methods(struct probe *p);
void probe_versions(struct probe *p);
void probe_hosts(struct probe *p);
void probe_tokens(struct probe *p);
void probe_claims(struct probe *p);
void probe_lengths(struct probe *p);
void probe_told(struct probe *p);

#endif /* !CTL_PROBE_H_ */
