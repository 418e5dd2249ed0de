/*
 * A page that a person sees: whole, without script, for this site's frames and
 * forms alone, and in no cache.  Its look is page.css, and behind that the CSS
 * of the site; the browser takes no other.
 */
#ifndef GATE_HTML_H_
#define GATE_HTML_H_

#include "endpoints/handlers.h"

/* Longest CSS that a site adds. */
#define GATE_STYLE_MAX ((size_t)16384)

/**
 * gate_html_begin(call, http, title, narrow, next):
 * Begin a page of that ${title}, with one heading.  Headers may follow.  Its
 * forms may lead on to ${next}, a URL, a path, or "".
 */
void gate_html_begin(struct gate_call *call, unsigned int http,
    const char *title, bool narrow, const char *next);

/** gate_html_end(call): End it. */
void gate_html_end(struct gate_call *call);

/**
 * gate_html_text(out, text):
 * Append ${text}, which anybody may have chosen, as text or the value of an
 * attribute in double quotes.
 */
void gate_html_text(struct lk_buf *out, const char *text);

/** gate_html_time(out, seconds): Append a time, as UTC has it. */
void gate_html_time(struct lk_buf *out, int64_t seconds);

/**
 * gate_html_device(out, agent):
 * Append which browser on which system ${agent} is, as far as it is known, or
 * else what it calls itself.
 */
void gate_html_device(struct lk_buf *out, const char *agent);

/**
 * gate_html_note(out, bad, text):
 * Append a sentence of constant text, which is read out at once.
 */
void gate_html_note(struct lk_buf *out, bool bad, const char *text);

/** gate_html_reason(reason): why a session ended, as a sentence. */
const char *gate_html_reason(enum lk_reason reason);

#endif /* !GATE_HTML_H_ */
