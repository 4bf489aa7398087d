/* Why: uploader/response.h. Context: worker. A scan, not a parser: the worst that a strange body can do is a strange quote. */
#include "uploader/response.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The bytes between the quotes of the member's value, escapes and all. */
static bool find_message(const char *body, size_t body_bytes, const char **ret_start, const char **ret_end)
{
    const char *end = body + body_bytes;
    for (const char *at = body; at + 9 < end; at++) {
        if (memcmp(at, "\"message\"", 9) != 0 && memcmp(at, "\"Message\"", 9) != 0)
            continue;
        const char *value = at + 9;
        while (value < end && (is_blank(*value) || *value == ':'))
            value++;
        if (value == end || *value != '"')
            continue;
        const char *stop = ++value;
        while (stop < end && *stop != '"')
            stop += *stop == '\\' && stop + 1 < end ? 2 : 1;
        *ret_start = value;
        *ret_end = stop < end ? stop : end;
        return true;
    }
    return false;
}

void pando_response_quote(const char *body, size_t body_bytes, char *quote, size_t quote_bytes)
{
    const char *at = body, *end = body + body_bytes;
    bool is_member = find_message(body, body_bytes, &at, &end);
    size_t len = 0;
    while (at < end && len + 4 < quote_bytes) {
        char c = *at++;
        if (is_member && c == '\\' && at < end) {
            c = *at++;
            if (c == 'n' || c == 't' || c == 'r')
                c = ' ';
        }
        quote[len++] = (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c;
    }
    if (at < end) {
        memcpy(quote + len, "...", 3);
        len += 3;
    }
    quote[len] = '\0';
}
