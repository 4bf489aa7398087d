/* Why: the CodeGuru agent profile as JSON, out and in.
 * Context: worker and own processes. Pure: bytes in, bytes out. Iterative: no recursion on depth.
 * Form: docs/delivery.md (from the public Python agent, aws/amazon-codeguru-profiler-python-agent). */
#ifndef PANDO_PROFILE_CODEGURU_JSON_H
#define PANDO_PROFILE_CODEGURU_JSON_H

#include <stddef.h>

#include "base/buffer.h"
#include "profile/profile.h"

/* Appends the JSON body for PostAgentProfile to `out`, which is freed on an error. Siblings that render to the same key are merged.
 * A frame's key is "object:name", or just the name when it has no object or is "[object+0x...]".
 * Returns 0, PANDO_ERR_LIMIT (out's maximum) or PANDO_ERR_NO_MEMORY. */
int pando_codeguru_json_encode(const struct pando_profile *profile, struct pando_buffer *out);

/* The same body with what Amazon's form has no room for: the member "pando" with the tables of slices and objects, and in each node
 * "slices", how its counts are divided among slices. For Pando's own receiver; docs/labels.md has the form. */
int pando_codeguru_json_encode_extended(const struct pando_profile *profile, struct pando_buffer *out);

struct pando_codeguru_json_limits {
    size_t body_bytes;   /* larger is PANDO_ERR_LIMIT before anything is parsed */
    size_t depth_frames; /* deeper call stacks are PANDO_ERR_LIMIT */
    size_t memory_bytes; /* for the profile that comes out */
};

/* Parses and validates a body. On success *ret_profile is the caller's to free. On failure `message` (at most
 * message_bytes with its NUL) holds one sentence for the sender that names the member and what is wrong.
 * Errors: PANDO_ERR_SYNTAX (no JSON), PANDO_ERR_INVALID (not of the form), PANDO_ERR_LIMIT, PANDO_ERR_NO_MEMORY. */
int pando_codeguru_json_decode(const char *body, size_t body_bytes, const struct pando_codeguru_json_limits *limits,
                               struct pando_profile **ret_profile, char *message, size_t message_bytes);

#endif
