/* Why: agent/own_threads.h. Context: as there. */
#include "agent/own_threads.h"

#include <errno.h>
#include <stdatomic.h>

#include "agent/real.h"
#include "agent/thread_exit.h"
#include "agent/threads.h"
#include "base/raw_syscall.h"

/* In the block that the loader reserves for each thread, so that reading it never allocates. */
static __thread struct pando_thread_slot *own_slot __attribute__((tls_model("initial-exec")));

void pando_own_thread_enter(void)
{
    own_slot = pando_threads_reserve();
    if (own_slot != NULL)
        pando_threads_enter_own(own_slot, pando_raw_gettid());
}

void pando_own_thread_leave(void)
{
    if (own_slot != NULL)
        pando_threads_leave(own_slot, atomic_load_explicit(&own_slot->use, memory_order_acquire));
    own_slot = NULL;
}

bool pando_own_thread_is_self(void)
{
    return own_slot != NULL;
}

struct pando_thread_slot *pando_own_thread_slot(void)
{
    return own_slot;
}

static void *begin(void *argument)
{
    struct pando_thread_slot *slot = argument;
    void *(*start)(void *) = slot->start;
    void *start_argument = slot->argument;
    own_slot = slot;
    pando_threads_enter_own(slot, pando_raw_gettid());
    pando_threads_birth_ends();
    pando_thread_exit_watch(slot);
    return start(start_argument);
}

int pando_own_thread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    struct pando_thread_slot *slot = pando_threads_reserve();
    if (slot == NULL)
        return EAGAIN;
    slot->start = start;
    slot->argument = argument;
    pando_threads_birth_begins();
    int error = pando_real()->pthread_create(thread, attributes, begin, slot);
    if (error != 0) {
        pando_threads_birth_ends();
        pando_threads_release(slot);
    }
    return error;
}
