/* Why: a GET of a receiver's answer.
 * Context: own process; blocks. */
#ifndef PANDO_CLI_HTTP_GET_H
#define PANDO_CLI_HTTP_GET_H

#include <stddef.h>

#include "base/buffer.h"

/* Appends the body of `url` to `body`, whatever the status, which is returned: 100 to 599. Negative: no answer
 * (PANDO_ERR_NETWORK, PANDO_ERR_LIMIT for a body over the buffer's maximum), `message` has one sentence. */
int pando_http_get(const char *url, struct pando_buffer *body, char *message, size_t message_bytes);
/* The same for who will not wait long: two minutes are meant for large answers. */
int pando_http_get_within(const char *url, long timeout_s, struct pando_buffer *body, char *message, size_t message_bytes);

#endif
