/* Why: base/cursor.h. Context: any, also the signal handler. */
#include "base/cursor.h"

#include <string.h>

#include "base/error.h"

struct pando_cursor pando_cursor_of(const char *bytes, size_t len_bytes)
{
    return (struct pando_cursor){.at = bytes, .end = bytes + len_bytes};
}

struct pando_cursor pando_cursor_of_text(const char *text)
{
    return pando_cursor_of(text, strlen(text));
}

bool pando_cursor_at_end(const struct pando_cursor *cursor)
{
    return cursor->at == cursor->end;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

static int number(struct pando_cursor *cursor, int base, uint64_t max, uint64_t *ret_value)
{
    const char *at = cursor->at;
    uint64_t value = 0;
    for (; at < cursor->end && digit_of(*at) < base; at++) {
        uint64_t digit = (uint64_t)digit_of(*at);
        if (value > (UINT64_MAX - digit) / (uint64_t)base)
            return PANDO_ERR_LIMIT;
        value = value * (uint64_t)base + digit;
        if (value > max)
            return PANDO_ERR_LIMIT;
    }
    if (at == cursor->at)
        return PANDO_ERR_SYNTAX;
    cursor->at = at;
    *ret_value = value;
    return 0;
}

int pando_cursor_decimal(struct pando_cursor *cursor, uint64_t max, uint64_t *ret_value)
{
    return number(cursor, 10, max, ret_value);
}

int pando_cursor_hex(struct pando_cursor *cursor, uint64_t max, uint64_t *ret_value)
{
    return number(cursor, 16, max, ret_value);
}

int pando_cursor_skip_char(struct pando_cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c)
        return PANDO_ERR_SYNTAX;
    cursor->at++;
    return 0;
}

void pando_cursor_skip_blanks(struct pando_cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
}

int pando_cursor_until(struct pando_cursor *cursor, char stop, size_t max_bytes, const char **ret_start, size_t *ret_len)
{
    const char *at = cursor->at;
    while (at < cursor->end && *at != stop) {
        if ((size_t)(at - cursor->at) == max_bytes)
            return PANDO_ERR_LIMIT;
        at++;
    }
    *ret_start = cursor->at;
    *ret_len = (size_t)(at - cursor->at);
    cursor->at = at < cursor->end ? at + 1 : at;
    return 0;
}
