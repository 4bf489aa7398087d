/* Why: the receiver's socket, and the rule where it may be: whoever reaches it can read and add profiles.
 * Context: own process, at the start. */
#ifndef PANDO_RECEIVER_LISTEN_H
#define PANDO_RECEIVER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Listens on `host` (an address, or a name of one) and `port` (0: a free one, told in *ret_port). Returns the descriptor, or
 * PANDO_ERR_REFUSED (no loopback address, and `allow_remote` is not set), PANDO_ERR_INVALID or PANDO_ERR_IO with a sentence. */
int pando_listen(const char *host, uint16_t port, bool allow_remote, uint16_t *ret_port, bool *ret_is_ipv6, char *message,
                 size_t message_bytes);

#endif
