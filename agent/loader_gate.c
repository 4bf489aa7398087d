/* Why: agent/loader_gate.h. Context: as there. */
#include "agent/loader_gate.h"

#include <link.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/futex.h"

#define MS 1000000ull

enum { FORK_WAIT_MS = 200, LOOK_MS = 10 };

static atomic_uint forks_waiting, is_inside;
static bool was_torn; /* in an ancestor or here */

#pragma weak _r_debug /* which musl has not */

void pando_loader_gate_enter(void)
{
    for (;;) {
        unsigned forks = atomic_load(&forks_waiting);
        if (forks != 0) {
            pando_futex_wait(&forks_waiting, forks, FORK_WAIT_MS * MS);
            continue;
        }
        atomic_store(&is_inside, 1);
        if (atomic_load(&forks_waiting) == 0)
            return;
        pando_loader_gate_leave();
    }
}

void pando_loader_gate_leave(void)
{
    atomic_store(&is_inside, 0);
    pando_futex_wake_all(&is_inside);
}

void pando_loader_gate_before_fork(void)
{
    atomic_fetch_add(&forks_waiting, 1);
    uint64_t deadline = pando_clock_mono_ns() + FORK_WAIT_MS * MS;
    while (atomic_load(&is_inside) != 0 && pando_clock_mono_ns() < deadline)
        pando_futex_wait(&is_inside, 1, LOOK_MS * MS);
}

void pando_loader_gate_after_fork(bool is_child)
{
    if (!is_child) {
        if (atomic_fetch_sub(&forks_waiting, 1) == 1)
            pando_futex_wake_all(&forks_waiting);
        return;
    }
    was_torn |= atomic_load(&is_inside) != 0;
    atomic_store(&forks_waiting, 0);
    atomic_store(&is_inside, 0);
}

bool pando_loader_gate_is_whole(void)
{
    return !was_torn && (&_r_debug == NULL || _r_debug.r_state == RT_CONSISTENT);
}
