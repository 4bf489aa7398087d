/* Why: uploader/token.h. Context: worker. */
#include "uploader/token.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/random.h>

#include "base/error.h"

int pando_token_make(char token[PANDO_TOKEN_SIZE])
{
    uint8_t bytes[16];
    ssize_t got;
    do {
        got = getrandom(bytes, sizeof bytes, 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof bytes)
        return PANDO_ERR_IO;
    bytes[6] = (uint8_t)(0x40 | (bytes[6] & 0x0f)); /* version 4 */
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f)); /* the variant of RFC 4122 */
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            token[at++] = '-';
        token[at++] = hex[bytes[i] >> 4];
        token[at++] = hex[bytes[i] & 15];
    }
    token[at] = '\0';
    return 0;
}
