/* Why: a sealed interval as the network sees it: bytes, their type, and the one token they keep for life.
 * Context: worker. Owned by one side at any moment: who makes it hands it to the uploader, who frees it. */
#ifndef PANDO_UPLOADER_PAYLOAD_H
#define PANDO_UPLOADER_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "uploader/token.h"

enum { PANDO_SPOOL_NAME_BYTES = 160 };

struct pando_payload {
    char *bytes;                     /* malloc'ed */
    size_t len_bytes;
    const char *content_type;        /* static string, "application/json" */
    char token[PANDO_TOKEN_SIZE];    /* made when the payload is made, never changed */
    uint64_t samples;                /* stacks in it, for the counters */
    uint64_t sealed_mono_ns;
    char file_name[PANDO_SPOOL_NAME_BYTES]; /* in the spool; "" it is in memory only */
    struct pando_payload *next;      /* this and the rest: the uploader's */
    uint32_t tries;                  /* made so far */
    uint32_t flush_number;           /* the flush in which it was tried last */
    uint64_t not_before_mono_ns;     /* of its next try */
};

/* Takes the malloc'ed `bytes` (also on failure: they are freed then) and gives them a fresh token.
 * NULL when there is no memory or no randomness. */
struct pando_payload *pando_payload_new(char *bytes, size_t len_bytes, const char *content_type, uint64_t samples);
void pando_payload_free(struct pando_payload *payload);

#endif
