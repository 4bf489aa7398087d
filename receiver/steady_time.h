/* Why: what is old is deleted, and a clock that jumps forward by years makes everything old. So the time that ages are measured by
 * follows a clock that only counts, and believes a jump when it has lasted for a day.
 * Context: own process. Pure. */
#ifndef PANDO_RECEIVER_STEADY_TIME_H
#define PANDO_RECEIVER_STEADY_TIME_H

#include <stdint.h>

/* Zeroed at the start. */
struct pando_steady_time {
    uint64_t wall_ms, boot_ms; /* believed, and when it was */
    uint64_t jumped_boot_ms;   /* since when the wall clock is ahead of it; 0: it is not */
};

enum { PANDO_STEADY_JUMP_MS = 3600 * 1000, PANDO_STEADY_BELIEVED_AFTER_MS = 86400 * 1000 };

/* `wall_ms`: since 1970 (CLOCK_REALTIME); `boot_ms`: CLOCK_BOOTTIME. Returns the wall clock's time, or, for a day after it has jumped
 * forward by more than an hour, what it would be without. Back it may always go: then less is old. */
uint64_t pando_steady_time_ms(struct pando_steady_time *time, uint64_t wall_ms, uint64_t boot_ms);

#endif
