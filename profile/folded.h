/* Why: one line of folded stacks is written in two places. Context: own processes. Private to profile/. */
#ifndef PANDO_PROFILE_FOLDED_H
#define PANDO_PROFILE_FOLDED_H

#include "base/buffer.h"
#include "profile/profile.h"

/* "root;caller;function" of a node; the root's is "[no stack]". `path` has room for as many frames as there are nodes. out->failed. */
int pando_folded_write_stack(const struct pando_profile *profile, uint32_t node, uint32_t *path, struct pando_buffer *out);

#endif
