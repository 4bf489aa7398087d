/* Why: the few functions of libc that Pando stands in front of, apart from those for signals (host_signals.c): to see threads
 * begin, code go away, and calls that a process with several threads may not make. Each does what the real one does.
 * Context: any of the host's threads, not the handler. */
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>

#include <pando.h>

#include "agent/agent.h"
#include "agent/lifecycle.h"
#include "agent/orders.h"
#include "agent/own_threads.h"
#include "agent/real.h"
#include "agent/thread_exit.h"
#include "agent/threads.h"
#include "agent/unloads.h"
#include "agent/unsampled.h"

/* The first function of each thread of the host's. Ends in a jump, so that no frame of ours is in the stack. */
static void *begin_thread(void *argument)
{
    struct pando_thread_slot *slot = argument;
    void *(*start)(void *) = slot->start;
    void *start_argument = slot->argument;
    if (pando_agent_phase() == PANDO_PHASE_ACTIVE && !pando_orders_are_to_pause()) {
        pando_unsampled_thread_begins(__builtin_return_address(0));
        pando_thread_exit_watch(slot);
        pando_threads_enter_self(slot, false);
    } else {
        pando_threads_release(slot);
    }
    pando_threads_birth_ends();
    return start(start_argument);
}

PANDO_API int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    const struct pando_real *real = pando_real();
    if (pando_own_thread_is_self())
        return pando_own_thread_create(thread, attributes, start, argument);
    struct pando_thread_slot *slot = pando_agent_phase() == PANDO_PHASE_ACTIVE && !pando_orders_are_to_pause()
                                           ? pando_threads_reserve() : NULL;
    if (slot == NULL)
        return real->pthread_create(thread, attributes, start, argument);
    slot->start = start;
    slot->argument = argument;
    pando_threads_birth_begins();
    int error = real->pthread_create(thread, attributes, begin_thread, slot);
    if (error != 0) {
        pando_threads_birth_ends();
        pando_threads_release(slot);
    }
    return error;
}

/* Under a name that is always this one: what a process calls pthread_create is libc's, if Pando was opened in it late. */
extern __typeof(pthread_create) pando_hook_pthread_create __attribute__((alias("pthread_create"), visibility("hidden"), nothrow, nonnull(1, 3)));

PANDO_API int dlclose(void *handle)
{
    /* Between the two, stacks are walked by the aggregator. */
    pando_unloads_begin(&pando_agent.objects);
    int result = pando_real()->dlclose(handle);
    pando_unloads_end(&pando_agent.objects);
    return result;
}

PANDO_API int unshare(int flags)
{
    bool must_be_alone = (flags & (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) != 0;
    if (!must_be_alone || pando_agent_phase() != PANDO_PHASE_ACTIVE)
        return pando_real()->unshare(flags);
    pando_lifecycle_rest();
    int result = pando_real()->unshare(flags);
    int reason = errno;
    pando_lifecycle_resume();
    errno = reason;
    return result;
}

PANDO_API int setns(int fd, int kind)
{
    if (pando_agent_phase() != PANDO_PHASE_ACTIVE)
        return pando_real()->setns(fd, kind);
    pando_lifecycle_rest();
    int result = pando_real()->setns(fd, kind);
    int reason = errno;
    pando_lifecycle_resume();
    errno = reason;
    return result;
}
