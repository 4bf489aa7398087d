/* Why: uploader/response.h. Context: worker. A scan, not a parser: the worst that a strange body can do is a strange quote. */
#include "uploader/response.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The bytes between the quotes of the value of member `name` (with its quotes), escapes and all. */
static bool find_member(const char *body, size_t body_bytes, const char *name, const char **ret_start, const char **ret_end)
{
    const char *end = body + body_bytes;
    size_t name_bytes = strlen(name);
    for (const char *at = body; at + name_bytes < end; at++) {
        if (memcmp(at, name, name_bytes) != 0)
            continue;
        const char *value = at + name_bytes;
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
    bool is_member = find_member(body, body_bytes, "\"message\"", &at, &end) ||
                     find_member(body, body_bytes, "\"Message\"", &at, &end);
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

static bool is_word(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

void pando_response_error_type(const char *text, size_t text_bytes, char *type, size_t type_bytes)
{
    const char *hash = memchr(text, '#', text_bytes), *end = text + text_bytes;
    const char *colon = memchr(text, ':', text_bytes);
    if (hash != NULL && (colon == NULL || hash < colon))
        text = hash + 1;
    size_t len = 0;
    while (text < end && is_word(*text) && len + 1 < type_bytes)
        type[len++] = *text++;
    if (text < end && *text != ':')
        len = 0;
    type[len] = '\0';
}

void pando_response_body_error_type(const char *body, size_t body_bytes, char *type, size_t type_bytes)
{
    static const char *const names[] = {"\"code\"", "\"Code\"", "\"__type\""};
    static const char tag[] = "<Code>";
    const char *start = NULL, *end = NULL;
    type[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (find_member(body, body_bytes, names[i], &start, &end)) {
            pando_response_error_type(start, (size_t)(end - start), type, type_bytes);
            return;
        }
    }
    start = memmem(body, body_bytes, tag, sizeof tag - 1);
    if (start == NULL)
        return;
    start += sizeof tag - 1;
    end = memchr(start, '<', (size_t)(body + body_bytes - start));
    if (end != NULL)
        pando_response_error_type(start, (size_t)(end - start), type, type_bytes);
}
