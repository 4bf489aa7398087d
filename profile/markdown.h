/* Why: what writes Markdown of other people's names. Context: own processes. For profile/ and cli/. */
#ifndef PANDO_PROFILE_MARKDOWN_H
#define PANDO_PROFILE_MARKDOWN_H

#include "base/buffer.h"

/* The text as a code span that may stand in a table, in one line, cut at about 120 bytes. */
void pando_markdown_code(struct pando_buffer *out, const char *text);

#endif
