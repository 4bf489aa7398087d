/* Why: the sealed intervals that wait for the network, bounded in number and in bytes; the oldest go first when there is
 * no room, because the newest say most about the program as it is.
 * Context: worker; the caller holds the uploader's lock. Private to uploader/. */
#ifndef PANDO_UPLOADER_QUEUE_H
#define PANDO_UPLOADER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uploader/payload.h"

struct pando_queue {
    struct pando_payload *head, *tail;
    bool head_busy;           /* it is being sent: it counts, but cannot be pushed out */
    uint32_t count, limit_payloads;
    size_t bytes, limit_bytes;
};

/* Puts `payload` at the end. Returns the list (by `next`) of what no longer fits and now is the caller's: the oldest that
 * are not busy, or `payload` itself if it can never fit; NULL when all fit. */
struct pando_payload *pando_queue_push(struct pando_queue *queue, struct pando_payload *payload);
/* Takes the head out; NULL when empty. It is no longer busy then. */
struct pando_payload *pando_queue_pop(struct pando_queue *queue);

/* Moves the head, which is not busy, to the end. */
void pando_queue_rotate(struct pando_queue *queue);

#endif
