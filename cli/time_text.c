/* Why: cli/time_text.h. Context: own process. */
#include "cli/time_text.h"

#include <string.h>
#include <time.h>

#include "base/cursor.h"

bool pando_time_span(const char *text, uint64_t *ret_ms)
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}, {'d', 86400 * 1000}};
    struct pando_cursor cursor = pando_cursor_of_text(text);
    uint64_t number;
    if (pando_cursor_decimal(&cursor, UINT32_MAX, &number) != 0)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (pando_cursor_skip_char(&cursor, units[i].unit) == 0 && pando_cursor_at_end(&cursor)) {
            *ret_ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

bool pando_time_point(const char *text, uint64_t *ret_ms)
{
    struct pando_cursor cursor = pando_cursor_of_text(text);
    uint64_t ms;
    if (pando_cursor_decimal(&cursor, UINT64_MAX / 2, &ms) == 0 && pando_cursor_at_end(&cursor)) {
        *ret_ms = ms;
        return true;
    }
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (end != NULL && *end == 'Z')
        end++;
    if (end == NULL) {
        parts = (struct tm){0};
        end = strptime(text, "%Y-%m-%d", &parts);
    }
    time_t seconds = end != NULL && *end == '\0' ? timegm(&parts) : -1;
    if (seconds < 0)
        return false;
    *ret_ms = (uint64_t)seconds * 1000;
    return true;
}
