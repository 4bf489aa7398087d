/* Why: one thread waits until another, perhaps in a signal handler, has changed a word.
 * Context: wake: any, also the signal handler; wait: any thread but the handler. Private to the process. */
#ifndef PANDO_BASE_FUTEX_H
#define PANDO_BASE_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "base/raw_syscall.h"

enum { PANDO_FUTEX_WAIT = 128, PANDO_FUTEX_WAKE = 129 }; /* | FUTEX_PRIVATE_FLAG */

/* Waits while *word == expected, at most `timeout_ns` (UINT64_MAX: for ever). May return early: look at the word again. */
static inline void pando_futex_wait(atomic_uint *word, unsigned expected, uint64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000u), .tv_nsec = (long)(timeout_ns % 1000000000u)};
    pando_raw_syscall4(SYS_futex, (long)word, PANDO_FUTEX_WAIT, (long)expected,
                       timeout_ns == UINT64_MAX ? 0 : (long)&timeout);
}

static inline void pando_futex_wake_all(atomic_uint *word)
{
    pando_raw_syscall4(SYS_futex, (long)word, PANDO_FUTEX_WAKE, INT32_MAX, 0);
}

#endif
