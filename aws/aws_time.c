/* Why: aws/aws_time.h. Context: any. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
#include "aws/aws_time.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"

enum { DAY_S = 86400, ERA_DAYS = 146097, DAYS_TO_1970 = 719468 };

static const int64_t last_s = 253402300799; /* 9999-12-31T23:59:59Z */

static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + (int64_t)day_of_era - DAYS_TO_1970;
}

void pando_aws_time_format(int64_t wall_s, char text[PANDO_AWS_TIME_SIZE])
{
    wall_s = wall_s < 0 ? 0 : wall_s > last_s ? last_s : wall_s;
    int64_t days = wall_s / DAY_S + DAYS_TO_1970;
    unsigned second = (unsigned)(wall_s % DAY_S);
    unsigned era = (unsigned)(days / ERA_DAYS), day_of_era = (unsigned)(days % ERA_DAYS);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;
    unsigned day = day_of_year - (153 * shifted + 2) / 5 + 1, month = shifted < 10 ? shifted + 3 : shifted - 9;
    unsigned year = year_of_era + era * 400 + (month <= 2);
    char form[32];
    snprintf(form, sizeof form, "%04u%02u%02uT%02u%02u%02uZ", year % 10000, month, day, second / 3600, second / 60 % 60,
             second % 60);
    memcpy(text, form, PANDO_AWS_TIME_SIZE);
}

/* Exactly `digits` of them, from min to max. */
static bool take(struct pando_cursor *cursor, unsigned digits, unsigned min, unsigned max, unsigned *ret_value)
{
    unsigned value = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
            return false;
        value = value * 10 + (unsigned)(*cursor->at++ - '0');
    }
    *ret_value = value;
    return value >= min && value <= max;
}

static bool skip(struct pando_cursor *cursor, char c)
{
    return pando_cursor_skip_char(cursor, c) == 0;
}

/* "Z", "+hh:mm", "-hh:mm": seconds east. */
static bool take_offset(struct pando_cursor *cursor, int64_t *ret_offset_s)
{
    *ret_offset_s = 0;
    if (skip(cursor, 'Z'))
        return true;
    bool west = skip(cursor, '-');
    unsigned hours, minutes;
    if ((!west && !skip(cursor, '+')) || !take(cursor, 2, 0, 23, &hours))
        return false;
    skip(cursor, ':');
    if (!take(cursor, 2, 0, 59, &minutes))
        return false;
    *ret_offset_s = (west ? -60 : 60) * (int64_t)(hours * 60 + minutes);
    return true;
}

/* The fraction of a second that is there, cut to milliseconds. */
static unsigned take_fraction_ms(struct pando_cursor *cursor)
{
    unsigned ms = 0, digits = 0;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++, digits++) {
        if (digits < 3)
            ms = ms * 10 + (unsigned)(*cursor->at - '0');
    }
    for (; digits < 3; digits++)
        ms *= 10;
    return ms;
}

int pando_aws_time_parse_ms(const char *text, int64_t *ret_wall_ms)
{
    struct pando_cursor cursor = pando_cursor_of_text(text);
    unsigned year, month, day, hour, minute, second;
    int64_t offset_s;
    bool good = take(&cursor, 4, 1970, 9999, &year) && skip(&cursor, '-') && take(&cursor, 2, 1, 12, &month) &&
                skip(&cursor, '-') && take(&cursor, 2, 1, 31, &day) && (skip(&cursor, 'T') || skip(&cursor, ' ')) &&
                take(&cursor, 2, 0, 23, &hour) && skip(&cursor, ':') && take(&cursor, 2, 0, 59, &minute) &&
                skip(&cursor, ':') && take(&cursor, 2, 0, 60, &second);
    if (!good)
        return PANDO_ERR_SYNTAX;
    unsigned ms = skip(&cursor, '.') ? take_fraction_ms(&cursor) : 0;
    if (!take_offset(&cursor, &offset_s) || !pando_cursor_at_end(&cursor))
        return PANDO_ERR_SYNTAX;
    *ret_wall_ms = (days_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - offset_s) * 1000 + ms;
    return 0;
}

int pando_aws_time_parse(const char *text, int64_t *ret_wall_s)
{
    int64_t wall_ms;
    int error = pando_aws_time_parse_ms(text, &wall_ms);
    if (error == 0)
        *ret_wall_s = (wall_ms - (wall_ms % 1000 + 1000) % 1000) / 1000;
    return error;
}

int pando_aws_time_parse_compact(const char *text, int64_t *ret_wall_s)
{
    struct pando_cursor cursor = pando_cursor_of_text(text);
    unsigned year, month, day, hour, minute, second;
    if (!take(&cursor, 4, 1970, 9999, &year) || !take(&cursor, 2, 1, 12, &month) || !take(&cursor, 2, 1, 31, &day) ||
        !skip(&cursor, 'T') || !take(&cursor, 2, 0, 23, &hour) || !take(&cursor, 2, 0, 59, &minute) ||
        !take(&cursor, 2, 0, 60, &second) || !skip(&cursor, 'Z') || !pando_cursor_at_end(&cursor))
        return PANDO_ERR_SYNTAX;
    *ret_wall_s = days_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
    return 0;
}

void pando_aws_time_format_ms(uint64_t wall_ms, char text[PANDO_AWS_TIME_MS_SIZE])
{
    const uint64_t max_ms = (uint64_t)last_s * 1000 + 999;
    char compact[PANDO_AWS_TIME_SIZE], form[64];
    wall_ms = wall_ms > max_ms ? max_ms : wall_ms;
    pando_aws_time_format((int64_t)(wall_ms / 1000), compact);
    snprintf(form, sizeof form, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s.%03uZ", compact, compact + 4, compact + 6, compact + 9, compact + 11,
             compact + 13, (unsigned)(wall_ms % 1000));
    memcpy(text, form, PANDO_AWS_TIME_MS_SIZE);
}

/* Parts with these letters, in this order, each at most once. */
static bool take_parts(struct pando_cursor *cursor, const char *letters, const uint32_t *seconds, uint64_t *sum_s)
{
    bool any = false;
    for (size_t i = 0; letters[i] != '\0'; i++) {
        struct pando_cursor before = *cursor;
        uint64_t value;
        if (pando_cursor_decimal(cursor, 1000000000, &value) != 0)
            break;
        if (skip(cursor, letters[i])) {
            *sum_s += value * seconds[i];
            any = true;
        } else {
            *cursor = before;
        }
    }
    return any;
}

int pando_aws_duration_parse(const char *text, uint64_t *ret_ms)
{
    static const uint32_t day_parts[] = {7 * DAY_S, DAY_S}, time_parts[] = {3600, 60, 1};
    static const uint64_t max_s = 1000ull * 366 * DAY_S;
    struct pando_cursor cursor = pando_cursor_of_text(text);
    uint64_t sum_s = 0;
    if (!skip(&cursor, 'P'))
        return PANDO_ERR_SYNTAX;
    bool any = take_parts(&cursor, "WD", day_parts, &sum_s);
    if (skip(&cursor, 'T')) {
        if (!take_parts(&cursor, "HMS", time_parts, &sum_s))
            return PANDO_ERR_SYNTAX;
        any = true;
    }
    if (!any || !pando_cursor_at_end(&cursor) || sum_s == 0 || sum_s > max_s)
        return PANDO_ERR_SYNTAX;
    *ret_ms = sum_s * 1000;
    return 0;
}
