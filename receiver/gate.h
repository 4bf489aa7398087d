/* Why: the check of each request against receiver/auth.h: before its body what can be told by then, after it the signature.
 * Context: own process; the connection's thread. */
#ifndef PANDO_RECEIVER_GATE_H
#define PANDO_RECEIVER_GATE_H

#include "receiver/request.h"

/* When the route is known. 0, or PANDO_ERR_REFUSED: 401 of the page and what it reads, 403 of the service, as Amazon's. */
int pando_gate_begin(struct pando_request *request);
/* When the body is there, and before it is looked at. */
int pando_gate_end(struct pando_request *request);

#endif
