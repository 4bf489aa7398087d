/* Why: the receiver's answer to GET /api/v1/groups/GROUP/tree, as a profile: for the command, and when the page sends one back to have it
 * as a file; and what `pando report --format json` prints.
 * Context: own process. The bytes come from outside: all is checked, nothing recurses. */
#ifndef PANDO_RECEIVER_TREE_JSON_H
#define PANDO_RECEIVER_TREE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"

/* *ret_profile is the caller's to free; its weights are nanoseconds. PANDO_ERR_SYNTAX, PANDO_ERR_INVALID, PANDO_ERR_LIMIT,
 * PANDO_ERR_NO_MEMORY: `message` has one sentence. */
struct json_t;
int pando_tree_json_take(const struct json_t *tree, struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message,
                         size_t message_bytes);
/* The same from its text. */
int pando_tree_json_decode(const char *text, size_t len_bytes, struct pando_profile **ret_profile,
                           uint64_t *ret_profile_count, char *message, size_t message_bytes);

#endif
