/* Why: agent/loader_gate.h. Context: as there. */
#include "agent/loader_gate.h"

#include <link.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/futex.h"

#define MS 1000000ull

enum { CLOSED_LOOK_MS = 200, LOOK_MS = 10 };

static atomic_uint holders, is_inside;
static bool was_torn; /* in an ancestor or here */

#pragma weak _r_debug /* which musl has not */

void pando_loader_gate_enter(void)
{
    for (;;) {
        unsigned count = atomic_load(&holders);
        if (count != 0) {
            pando_futex_wait(&holders, count, CLOSED_LOOK_MS * MS);
            continue;
        }
        atomic_store(&is_inside, 1);
        if (atomic_load(&holders) == 0)
            return;
        pando_loader_gate_leave();
    }
}

void pando_loader_gate_leave(void)
{
    atomic_store(&is_inside, 0);
    pando_futex_wake_all(&is_inside);
}

void pando_loader_gate_hold(unsigned at_most_ms)
{
    atomic_fetch_add(&holders, 1);
    uint64_t deadline = pando_clock_mono_ns() + at_most_ms * MS;
    while (atomic_load(&is_inside) != 0 && pando_clock_mono_ns() < deadline)
        pando_futex_wait(&is_inside, 1, LOOK_MS * MS);
}

void pando_loader_gate_release(void)
{
    if (atomic_fetch_sub(&holders, 1) == 1)
        pando_futex_wake_all(&holders);
}

void pando_loader_gate_after_fork(void)
{
    was_torn |= atomic_load(&is_inside) != 0;
    atomic_store(&holders, 0);
    atomic_store(&is_inside, 0);
}

bool pando_loader_gate_is_whole(void)
{
    return !was_torn && (&_r_debug == NULL || _r_debug.r_state == RT_CONSISTENT);
}
