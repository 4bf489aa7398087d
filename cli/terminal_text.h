/* Why: names come out of other people's binaries and over the network; on a terminal a control character in one could move
 * the cursor, change the title or turn the direction of the text.
 * Context: own process. Pure. */
#ifndef PANDO_CLI_TERMINAL_TEXT_H
#define PANDO_CLI_TERMINAL_TEXT_H

#include <stddef.h>

/* Copies `text` with each control character (C0, DEL, C1, and Unicode's direction marks) as one '?', cut to fit. */
void pando_terminal_text(const char *text, char *safe, size_t safe_bytes);

#endif
