/* Why: what a client says it takes: the Accept and Accept-Encoding headers. Amazon Ion is what the service gives when nothing is asked
 * for, as its model says.
 * Context: own process. Pure. */
#ifndef PANDO_RECEIVER_ACCEPT_H
#define PANDO_RECEIVER_ACCEPT_H

#include <stdbool.h>

enum pando_accept {
    PANDO_ACCEPT_ION,
    PANDO_ACCEPT_JSON,
    PANDO_ACCEPT_NEITHER,
};

/* Which of the two an Accept header likes best; Ion when it likes both the same, or is NULL. */
enum pando_accept pando_accept_choose(const char *accept);
/* Whether an Accept-Encoding header (NULL: none) takes gzip. */
bool pando_accept_gzip(const char *accept_encoding);

#endif
