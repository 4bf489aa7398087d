/* Why: how an answer goes out: restJson1 errors, and the headers that every answer has.
 * Context: own process; the connection's thread. */
#ifndef PANDO_RECEIVER_ANSWER_H
#define PANDO_RECEIVER_ANSWER_H

#include <microhttpd.h>

#include "receiver/request.h"

/* Queues request->answer. What it fails with is for the handler to return. */
enum MHD_Result pando_answer_send(struct pando_request *request);

#endif
