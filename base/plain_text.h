/* Why: names come from files and senders that anybody may have written: a control character, or a mark that turns the writing
 * direction round, must not reach a terminal, a log or a page.
 * Context: any thread. Pure. */
#ifndef PANDO_BASE_PLAIN_TEXT_H
#define PANDO_BASE_PLAIN_TEXT_H

#include <stddef.h>

/* The length of the control character (also: line and paragraph separators, marks of writing direction) at the NUL-terminated
 * `text`; 0: another character is there. */
size_t pando_plain_text_control(const char *text);

/* Copies `text`, each control character as one "?"; cut where `safe` is full, never within a UTF-8 character. Returns the length. */
size_t pando_plain_text(const char *text, char *safe, size_t safe_bytes);

#endif
