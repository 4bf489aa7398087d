/* Why: receiver/gzip_body.h. Context: own process. */
#include "receiver/gzip_body.h"

#include <stdint.h>
#include <zlib.h>

#include "base/error.h"

enum { STEP_BYTES = 65536, GZIP_ONLY = 15 + 16, MEMORY_LEVEL = 8 };

int pando_gzip_unpack(const char *bytes, size_t len_bytes, struct pando_buffer *out)
{
    unsigned char step[STEP_BYTES];
    z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len_bytes};
    if (len_bytes > UINT32_MAX)
        return PANDO_ERR_LIMIT;
    if (inflateInit2(&stream, GZIP_ONLY) != Z_OK)
        return PANDO_ERR_NO_MEMORY;
    int error = 0, code = Z_OK;
    while (error == 0 && code == Z_OK) {
        stream.next_out = step;
        stream.avail_out = sizeof step;
        code = inflate(&stream, Z_NO_FLUSH);
        size_t got_bytes = sizeof step - stream.avail_out;
        error = pando_buffer_append(out, step, got_bytes);
        if (error == 0 && stream.total_out > PANDO_GZIP_RATIO_FROM_BYTES &&
            stream.total_out / PANDO_GZIP_RATIO_MAX > stream.total_in)
            error = PANDO_ERR_LIMIT;
    }
    if (error == 0 && (code != Z_STREAM_END || stream.avail_in != 0))
        error = code == Z_MEM_ERROR ? PANDO_ERR_NO_MEMORY : PANDO_ERR_SYNTAX;
    inflateEnd(&stream);
    return error;
}

int pando_gzip_pack(const char *bytes, size_t len_bytes, struct pando_buffer *out)
{
    unsigned char step[STEP_BYTES];
    z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len_bytes};
    if (len_bytes > UINT32_MAX)
        return PANDO_ERR_LIMIT;
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_ONLY, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return PANDO_ERR_NO_MEMORY;
    int error = 0, code = Z_OK;
    while (error == 0 && code == Z_OK) {
        stream.next_out = step;
        stream.avail_out = sizeof step;
        code = deflate(&stream, Z_FINISH);
        error = pando_buffer_append(out, step, sizeof step - stream.avail_out);
    }
    deflateEnd(&stream);
    return error != 0 || code == Z_STREAM_END ? error : PANDO_ERR_NO_MEMORY;
}
