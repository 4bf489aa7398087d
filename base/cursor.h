/* Why: the one way to read numbers and words out of text that somebody else wrote; replaces sscanf and strtol.
 * Context: any thread, also the signal handler: no allocation, no locale, no errno.
 * Every read has a limit. A read that fails leaves the cursor where it was and the output untouched. */
#ifndef PANDO_BASE_CURSOR_H
#define PANDO_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pando_cursor {
    const char *at;
    const char *end;
};

struct pando_cursor pando_cursor_of(const char *bytes, size_t len_bytes);
struct pando_cursor pando_cursor_of_text(const char *text);
bool pando_cursor_at_end(const struct pando_cursor *cursor);
/* Decimal digits only, no sign; fails with PANDO_ERR_SYNTAX (no digit) or PANDO_ERR_LIMIT (over `max`). */
int pando_cursor_decimal(struct pando_cursor *cursor, uint64_t max, uint64_t *ret_value);
/* Hexadecimal digits only, no 0x; same errors. */
int pando_cursor_hex(struct pando_cursor *cursor, uint64_t max, uint64_t *ret_value);
/* Steps over `c` if it is next; PANDO_ERR_SYNTAX if not. */
int pando_cursor_skip_char(struct pando_cursor *cursor, char c);
/* Steps over blanks (space, tab); always succeeds. */
void pando_cursor_skip_blanks(struct pando_cursor *cursor);
/* Takes the bytes before the next `stop` (or the end) as a slice of the input; the stop is stepped over too.
 * PANDO_ERR_LIMIT if they are more than `max_bytes`. */
int pando_cursor_until(struct pando_cursor *cursor, char stop, size_t max_bytes, const char **ret_start, size_t *ret_len);

#endif
