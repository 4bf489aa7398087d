/* Why: profile/json_writer.h. Context: worker and own processes. */
#include "profile/json_writer.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pando_json_write_string(struct pando_buffer *out, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    pando_buffer_append_char(out, '"');
    const char *plain = text;
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        pando_buffer_append(out, plain, (size_t)(at - plain));
        plain = at + 1;
        if (c == '"' || c == '\\') {
            char escape[2] = {'\\', (char)c};
            pando_buffer_append(out, escape, sizeof escape);
        } else {
            char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            pando_buffer_append(out, escape, sizeof escape);
        }
    }
    pando_buffer_append_text(out, plain);
    pando_buffer_append_char(out, '"');
}

void pando_json_write_uint(struct pando_buffer *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    pando_buffer_append(out, digits + at, sizeof digits - at);
}

void pando_json_write_double(struct pando_buffer *out, double value)
{
    if (!isfinite(value)) {
        pando_buffer_append_text(out, "0.0");
        return;
    }
    /* The host may have set a locale with a decimal comma. glibc's "C" is static: nothing is allocated here. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain != (locale_t)0 ? uselocale(plain) : (locale_t)0;
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (plain != (locale_t)0) {
        uselocale(before);
        freelocale(plain);
    }
    pando_buffer_append_text(out, text);
    if (strpbrk(text, ".e") == NULL)
        pando_buffer_append_text(out, ".0");
}

void pando_json_key(struct pando_buffer *out, const char *name)
{
    if (out->len_bytes != 0 && out->bytes[out->len_bytes - 1] != '{')
        pando_buffer_append_char(out, ',');
    pando_json_write_string(out, name);
    pando_buffer_append_char(out, ':');
}

void pando_json_member_uint(struct pando_buffer *out, const char *name, uint64_t value)
{
    pando_json_key(out, name);
    pando_json_write_uint(out, value);
}

void pando_json_member_double(struct pando_buffer *out, const char *name, double value)
{
    pando_json_key(out, name);
    pando_json_write_double(out, value);
}

void pando_json_member_text(struct pando_buffer *out, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    pando_json_key(out, name);
    pando_json_write_string(out, text);
}

void pando_json_open(struct pando_buffer *out, const char *name)
{
    pando_json_key(out, name);
    pando_buffer_append_char(out, '{');
}

void pando_json_close(struct pando_buffer *out)
{
    pando_buffer_append_char(out, '}');
}
