/* Why: `run` and `attach` bring a receiver of their own, unless the user has one.
 * Context: own process; signals that the receiver's threads must not get are to be blocked before. */
#ifndef PANDO_CLI_OWN_RECEIVER_H
#define PANDO_CLI_OWN_RECEIVER_H

#include <stddef.h>
#include <stdint.h>

#include "receiver/receiver.h"

struct pando_own_receiver_options {
    const char *host;
    uint16_t port;
    const char *store_path; /* NULL: in memory */
    const char *other_url;  /* not NULL: that one is used, and none is started */
};

/* 0, with *ret_receiver NULL when another receiver is used; `url` is where the program shall send to. Complains on a failure. */
int pando_own_receiver_start(const struct pando_own_receiver_options *options, struct pando_receiver **ret_receiver, char *url,
                             size_t url_bytes);

#endif
