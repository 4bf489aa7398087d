/* Why: cli/terminal_text.h. Context: own process. */
#include "cli/terminal_text.h"

#include <string.h>

/* The length of the control character at `text`, or 0. */
static size_t control_bytes(const unsigned char *text)
{
    if (text[0] < 0x20 || text[0] == 0x7f)
        return 1;
    if (text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f)
        return 2; /* U+0080 to U+009F */
    if (text[0] == 0xe2 && text[1] == 0x80 && (text[2] == 0x8e || text[2] == 0x8f || (text[2] >= 0xa8 && text[2] <= 0xae)))
        return 3; /* U+200E, U+200F, U+2028 to U+202E */
    if (text[0] == 0xe2 && text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9)
        return 3; /* U+2066 to U+2069 */
    return 0;
}

void pando_terminal_text(const char *text, char *safe, size_t safe_bytes)
{
    size_t out = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0' && out < safe_bytes - 1;) {
        size_t control = control_bytes(at);
        safe[out++] = control != 0 ? '?' : (char)*at;
        at += control != 0 ? control : 1;
    }
    if (out == safe_bytes - 1) { /* perhaps cut: not within a character */
        while (out > 0 && ((unsigned char)safe[out - 1] & 0xc0) == 0x80)
            out--;
        if (out > 0 && ((unsigned char)safe[out - 1] & 0xc0) == 0xc0)
            out--;
    }
    safe[out] = '\0';
}
