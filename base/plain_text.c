/* Why: base/plain_text.h. Context: any thread. */
#include "base/plain_text.h"

size_t pando_plain_text_control(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    if ((at[0] < 0x20 && at[0] != '\0') || at[0] == 0x7f)
        return 1;
    if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
        return 2; /* U+0080 to U+009F */
    if (at[0] == 0xd8 && at[1] == 0x9c)
        return 2; /* U+061C */
    if (at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae)))
        return 3; /* U+200E, U+200F, U+2028 to U+202E */
    if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)
        return 3; /* U+2066 to U+2069 */
    return 0;
}

size_t pando_plain_text(const char *text, char *safe, size_t safe_bytes)
{
    size_t out = 0;
    while (*text != '\0' && out < safe_bytes - 1) {
        size_t control = pando_plain_text_control(text);
        safe[out++] = control != 0 ? '?' : *text;
        text += control != 0 ? control : 1;
    }
    if (out == safe_bytes - 1) { /* perhaps cut: not within a character */
        while (out > 0 && ((unsigned char)safe[out - 1] & 0xc0) == 0x80)
            out--;
        if (out > 0 && ((unsigned char)safe[out - 1] & 0xc0) == 0xc0)
            out--;
    }
    safe[out] = '\0';
    return out;
}
