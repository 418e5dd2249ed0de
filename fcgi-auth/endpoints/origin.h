/*
 * Requests that another site's page makes in a browser, which adds cookies
 * and Basic passwords by itself.  They can be told by what such a page cannot
 * send, or cannot keep the browser from sending.
 */
#ifndef GATE_ORIGIN_H_
#define GATE_ORIGIN_H_

#include <stdbool.h>

#include "verdict/verdict.h"

/**
 * gate_origin_is_safe(request, deliberate):
 * Whether ${request}, which shall change something, was not made by another
 * site's page: it is ${deliberate}, that is, its token is where no browser puts
 * it by itself, or it has neither that nor anything else that browsers send by
 * themselves (not `unprompted`, credentials.h); or it has the header
 * X-Latchkey-Request, which a page of another site can send only if this site
 * allows it to; or each Sec-Fetch-Site says `same-origin` or `none`; or,
 * without Sec-Fetch-Site, each Origin is one that Host names.  A request that
 * says nothing is unsafe.
 */
bool gate_origin_is_safe(const struct gate_request *request, bool deliberate);

#endif /* !GATE_ORIGIN_H_ */
