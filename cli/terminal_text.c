/* Why: cli/terminal_text.h. Context: own process. */
#include "cli/terminal_text.h"

#include "base/plain_text.h"

void pando_terminal_text(const char *text, char *safe, size_t safe_bytes)
{
    pando_plain_text(text, safe, safe_bytes);
}
