/* Why: the page with one profile in it, as a single HTML file to attach to a ticket: it opens from a disk, and asks nobody for anything.
 * Context: any thread of an own process. docs/formats.md. */
#ifndef PANDO_RECEIVER_PAGE_FILE_H
#define PANDO_RECEIVER_PAGE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "profile/export.h"
#include "profile/states.h"

struct pando_page_file {
    const char *title;
    const struct pando_profile *profile;      /* of one view: no states and slices in it; nanoseconds */
    uint64_t profile_count;
    bool has_states;                          /* the whole has wall time: */
    uint64_t totals[PANDO_PROFILE_STATES];
    unsigned view;                            /* settled */
};

/* Appends the file. PANDO_ERR_LIMIT (out's maximum) or PANDO_ERR_NO_MEMORY. */
int pando_page_file_write(const struct pando_page_file *file, struct pando_buffer *out);

/* The page over what it reads itself, JSON objects. `base`: what the tree is compared with, `view`: a JSON string, the fragment of the
 * URL that it opens with; either may be NULL. Errors as above. */
struct pando_page_file_trees {
    const char *tree, *base, *view;
};
int pando_page_file_write_trees(const struct pando_page_file_trees *trees, struct pando_buffer *out);

/* The same as one of the formats of profile/export.h ("html"), of a profile that may have states and slices. */
extern const struct pando_export_format pando_page_file_format;

#endif
