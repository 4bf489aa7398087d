/* Why: how a profile lies in the store: a few bytes a node instead of JSON, and read back without parsing or hashing, so that
 * a page that asks every few seconds for the sum of hundreds of profiles gets it at once.
 * Context: own process. Pure: bytes in, bytes out. What is read may be damaged: everything is checked. */
#ifndef PANDO_RECEIVER_PACKED_H
#define PANDO_RECEIVER_PACKED_H

#include <stddef.h>

#include "base/buffer.h"
#include "profile/profile.h"

/* Appends the packed profile to `out`. 0, PANDO_ERR_LIMIT (out's maximum) or PANDO_ERR_NO_MEMORY. */
int pando_packed_encode(const struct pando_profile *profile, struct pando_buffer *out);

/* A profile that was read back. Its arrays lie in `memory`: end it with pando_packed_release, not pando_profile_free. */
struct pando_packed {
    struct pando_profile profile;
    void *memory, *text;
};

/* 0, PANDO_ERR_SYNTAX (damaged), PANDO_ERR_UNSUPPORTED (of a later form) or PANDO_ERR_NO_MEMORY. */
int pando_packed_decode(const void *bytes, size_t len_bytes, struct pando_packed *ret_packed);
void pando_packed_release(struct pando_packed *packed);

#endif
