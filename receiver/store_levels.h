/* Why: the levels that profiles are rolled up to, and how a time is rounded to their spans.
 * Context: own process. Pure. Private to receiver/store*.c. */
#ifndef PANDO_RECEIVER_STORE_LEVELS_H
#define PANDO_RECEIVER_STORE_LEVELS_H

#include <stdint.h>

enum pando_store_level {
    STORE_RAW,      /* profiles as posted */
    STORE_5_MIN,
    STORE_HOUR,
    STORE_DAY,
    STORE_LEVELS
};

static inline int64_t pando_store_span_ms(enum pando_store_level level)
{
    return level == STORE_RAW ? 1 : level == STORE_5_MIN ? 300000 : level == STORE_HOUR ? 3600000 : 86400000;
}

/* The beginning of the span that holds `ms` (>= 0). */
static inline int64_t pando_store_floor(int64_t ms, enum pando_store_level level)
{
    return ms - ms % pando_store_span_ms(level);
}

/* The first beginning of a span at or after `ms`; the last one there is when that would be beyond 2^63. */
static inline int64_t pando_store_ceil(int64_t ms, enum pando_store_level level)
{
    int64_t span_ms = pando_store_span_ms(level), floor_ms = ms - ms % span_ms;
    return floor_ms == ms || floor_ms > INT64_MAX - span_ms ? floor_ms : floor_ms + span_ms;
}

#endif
