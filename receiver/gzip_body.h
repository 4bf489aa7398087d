/* Why: a body may come with Content-Encoding: gzip; a few bytes of it can hide gigabytes. And answers may go out so.
 * Context: own process. Pure. */
#ifndef PANDO_RECEIVER_GZIP_BODY_H
#define PANDO_RECEIVER_GZIP_BODY_H

#include "base/buffer.h"

enum {
    PANDO_GZIP_RATIO_MAX = 200,          /* unpacked bytes for a packed one; real profiles have 10 to 40 */
    PANDO_GZIP_RATIO_FROM_BYTES = 1 << 20, /* not looked at below: short texts may repeat themselves */
};

/* Appends to `out`. 0, PANDO_ERR_SYNTAX (no gzip, or cut short), PANDO_ERR_LIMIT (out's maximum, or the ratio), or
 * PANDO_ERR_NO_MEMORY. */
int pando_gzip_unpack(const char *bytes, size_t len_bytes, struct pando_buffer *out);
/* Appends to `out`. 0, PANDO_ERR_LIMIT or PANDO_ERR_NO_MEMORY. */
int pando_gzip_pack(const char *bytes, size_t len_bytes, struct pando_buffer *out);

#endif
