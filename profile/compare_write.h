/* Why: a comparison as others read it: Markdown for tickets, JSON for programs, and folded stacks with two numbers, for differential flame
 * graphs. For the command and for the receiver's downloads.
 * Context: own processes. Pure: they append to a buffer, whose own `failed` tells of limits. */
#ifndef PANDO_PROFILE_COMPARE_WRITE_H
#define PANDO_PROFILE_COMPARE_WRITE_H

#include "base/buffer.h"
#include "profile/compare.h"

struct pando_compare_about {
    const char *title_a, *title_b, *clock; /* "CPU time" */
    uint32_t top;                          /* rows of a table at most */
};

/* How many functions have changed: they come first in the rows. */
uint32_t pando_compare_changed(const struct pando_compare *compare);
void pando_compare_write_markdown(struct pando_buffer *out, const struct pando_compare *compare, const struct pando_compare_about *about);
/* The members of an object, without its braces. */
void pando_compare_write_json(struct pando_buffer *out, const struct pando_compare *compare, const struct pando_compare_about *about);
/* "root;caller;function A B", in nanoseconds; A's are brought to B's total, so that a longer run is no slower one. Neither profile has
 * states or slices. PANDO_ERR_LIMIT, PANDO_ERR_NO_MEMORY. */
int pando_compare_write_folded(struct pando_buffer *out, const struct pando_profile *a, const struct pando_profile *b);

#endif
