/* What a request asks of the gate. */
#ifndef GATE_ENDPOINT_H_
#define GATE_ENDPOINT_H_

#include "request.h"

/** By name, as in the parameter LATCHKEY_ENDPOINT; zero is none of them. */
enum gate_endpoint {
	GATE_ENDPOINT_NONE = 0,
	GATE_ENDPOINT_AUTHORIZE
};

/**
 * gate_endpoint_asked(request):
 * The endpoint that the web server names in LATCHKEY_ENDPOINT.
 * GATE_ENDPOINT_NONE if it names none or an unknown one, or says different
 * things in several parameters of that name.
 */
enum gate_endpoint gate_endpoint_asked(const struct gate_request *request);

#endif /* !GATE_ENDPOINT_H_ */
