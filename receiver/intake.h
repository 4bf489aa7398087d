/* Why: what comes in: headers are checked before a body is taken (Host and Origin first, then the route, who asks, then what the body
 * will be); the body is gathered within limits, or read and thrown away when the answer is an error already.
 * Context: own process; the connection's thread. */
#ifndef PANDO_RECEIVER_INTAKE_H
#define PANDO_RECEIVER_INTAKE_H

#include "receiver/request.h"

/* When the headers are there. 0, or PANDO_ERR_REFUSED with the answer filled in. */
int pando_intake_headers(struct pando_request *request, const char *path);
/* Keeps or throws away a part of the body. False: it is time to cut the connection. */
bool pando_intake_body(struct pando_request *request, const char *bytes, size_t len_bytes);
/* The body is not needed any more. */
void pando_intake_forget(struct pando_request *request);

#endif
