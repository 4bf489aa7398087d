/* Why: the one place that decides what happens after a try. Pure, so that every row of its table can be tested.
 * Context: worker. docs/delivery.md has the table and the reasons. */
#ifndef PANDO_UPLOADER_RETRY_H
#define PANDO_UPLOADER_RETRY_H

#include <stdint.h>

enum { PANDO_RETRY_AFTER_MAX_S = 15 * 60 };

/* How a try ended that brought no answer. */
enum pando_try_failure {
    PANDO_TRY_ANSWERED = 0,  /* there is a status */
    PANDO_TRY_UNREACHABLE,   /* no connection: name unknown, refused, no route, timed out before it stood */
    PANDO_TRY_INTERRUPTED,   /* the connection stood, no whole answer came: the server may have the profile or not */
    PANDO_TRY_UNTRUSTED,     /* TLS: the server could not prove who it is */
    PANDO_TRY_NO_CREDENTIALS, /* nothing was sent, for it could not be signed */
    PANDO_TRY_IMPOSSIBLE,    /* the request cannot be made here (no memory, bad URL) */
    PANDO_TRY_ABORTED,       /* the uploader is being closed */
};

struct pando_try_outcome {
    enum pando_try_failure failure;
    long status;             /* of HTTP, when answered */
    uint32_t retry_after_s;  /* what the server asked for; 0 nothing */
};

struct pando_retry_policy {
    uint32_t tries_max;
    uint32_t backoff_first_ms;
    uint32_t backoff_max_ms;
};

enum pando_retry_action { PANDO_RETRY_DELIVERED, PANDO_RETRY_REJECTED, PANDO_RETRY_AGAIN, PANDO_RETRY_GIVE_UP };

struct pando_retry_decision {
    enum pando_retry_action action;
    uint64_t wait_ms;        /* before the next try */
};

/* `tries` counts the one just made (1 after the first); `random` is 64 uniform bits.
 * Full jitter: a wait uniform in [0, min(max, first * 2^(tries-1))]; Retry-After comes on top, at most 15 minutes. */
struct pando_retry_decision pando_retry_decide(const struct pando_retry_policy *policy,
                                               const struct pando_try_outcome *outcome, uint32_t tries, uint64_t random);

#endif
