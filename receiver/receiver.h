/* Why: the PostAgentProfile service with its store and page, to be run by `pando serve` or inside `pando run`.
 * Context: own process (the pando command). Any thread, but one owner. */
#ifndef PANDO_RECEIVER_RECEIVER_H
#define PANDO_RECEIVER_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"
#include "receiver/auth.h"
#include "receiver/store.h"

struct pando_receiver;

/* Zero is a good value for every member. */
struct pando_receiver_config {
    const char *listen_host;     /* NULL: "127.0.0.1" */
    uint16_t port;               /* 0: a free one */
    bool allow_remote;           /* listen_host may be another than a loopback address, even without TLS and `auth` */
    const struct pando_auth *auth; /* who may ask; NULL: whoever reaches the receiver. Must be there until it has stopped */
    const char *tls_cert_file, *tls_key_file; /* PEM; both or neither. Read at the start, and not again */
    const char *host_names;      /* more names that clients may call this receiver by, with commas; NULL: none */
    const char *source_root;     /* the page shows source files from this folder only; NULL: any that a profile names, but none where
                                    others can come in (allow_remote, host_names, or TLS with auth) */
    const char *store_path;      /* SQLite file; NULL or "": in memory */
    uint64_t store_limit_bytes;  /* 0: 512 MiB in memory, no limit for a file */
    struct pando_store_policy keep; /* how long profiles and their sums are kept */
    size_t body_limit_bytes;     /* of a posted profile, unpacked; 0: 32 MiB */
    uint32_t period_s;           /* what ConfigureAgent tells agents to report at; 0: 60 */
    bool groups_must_exist;      /* a profile for a group that was not made before is refused, as Amazon's service does */
};

/* Opens the store and listens. On failure `message` has one sentence (address in use, file not writable, ...).
 * Its threads have all signals blocked. */
int pando_receiver_start(const struct pando_receiver_config *config, struct pando_receiver **ret_receiver,
                         char *message, size_t message_bytes);
/* The port it listens on. */
uint16_t pando_receiver_port(const struct pando_receiver *receiver);
/* Stops listening, ends what is under way, closes the store, frees. */
void pando_receiver_stop(struct pando_receiver *receiver);

#endif
