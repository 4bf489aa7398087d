/* Why: names come from other people's binaries; whatever leaves Pando is valid UTF-8.
 * Context: worker and own processes. Pure, allocates nothing. */
#ifndef PANDO_PROFILE_UTF8_H
#define PANDO_PROFILE_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum { PANDO_UTF8_REPLACEMENT_BYTES = 3 };
#define PANDO_UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The length of the well-formed UTF-8 sequence (RFC 3629: no surrogates, nothing overlong, at most U+10FFFF) that
 * `bytes` starts with: 1 to 4, or 0 when it starts with none. Safety: any. */
size_t pando_utf8_sequence(const char *bytes, size_t len_bytes);
/* Writes the sequence of `code_point` (a surrogate or anything over U+10FFFF becomes U+FFFD); returns 1 to 4. */
size_t pando_utf8_put(uint32_t code_point, char out[4]);

#endif
