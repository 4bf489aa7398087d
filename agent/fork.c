/* Why: agent/fork.h. Context: the thread that forks, inside of fork: before in the parent, after in both. (vfork, posix_spawn and
 * a bare clone do not come here: such a child has no timer and no thread of ours, and a bare clone's pid tells it apart.) */
#include "agent/fork.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/agent_thread.h"
#include "agent/cpu_clock.h"
#include "agent/lifecycle.h"
#include "agent/loader_gate.h"
#include "agent/orders.h"
#include "agent/pace.h"
#include "agent/thread_exit.h"
#include "agent/threads.h"
#include "agent/unloads.h"
#include "agent/wall_thread.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/raw_syscall.h"

/* What pthread_atfork calls in glibc. Weak, like nothing else that is not in musl: a program with musl would refuse to start. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *object) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

bool pando_fork_is_glibc(void)
{
    return __register_atfork != NULL;
}

enum { KERNEL_SIGSET_BYTES = 8, LOADER_WAIT_MS = 200 };
#define MARK (1ul << (SIGKILL - 1))

/* The mask to go back to, marked with SIGKILL, which no mask has: 0 means that `before` did nothing. */
static __thread unsigned long mask_before __attribute__((tls_model("initial-exec")));

/* SIGPROF waits while the process is copied: a fork that takes longer than an interval would be interrupted and begun again,
 * for ever. And the new process must not meet it half-made. */
static void before(void)
{
    mask_before = 0;
    if (pando_agent_phase() == PANDO_PHASE_OFF)
        return;
    unsigned long only = 1ul << (SIGPROF - 1), old = 0;
    pando_loader_gate_hold(LOADER_WAIT_MS);
    pando_raw_syscall4(SYS_rt_sigprocmask, SIG_BLOCK, (long)&only, (long)&old, KERNEL_SIGSET_BYTES);
    mask_before = old | MARK;
}

static void restore_mask(void)
{
    unsigned long old = mask_before & ~MARK;
    pando_raw_syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0, KERNEL_SIGSET_BYTES);
}

static void after_in_parent(void)
{
    if (mask_before == 0)
        return;
    restore_mask();
    pando_loader_gate_release();
}

/* The pages of `memory`, which the child has of its own, are zero again. (A filter may forbid madvise.) */
static void make_zero(void *memory, size_t bytes)
{
    if (madvise(memory, bytes, MADV_DONTNEED) != 0)
        memset(memory, 0, bytes);
}

/* The parent's samples are the parent's. */
static void empty_everything(void)
{
    uint32_t words = pando_ring_capacity_words(pando_agent.ring);
    make_zero(pando_agent.ring_memory, pando_agent.ring_bytes);
    pando_agent.ring = pando_ring_init(pando_agent.ring_memory, words);
    make_zero(pando_agent.objects.readers, PANDO_OBJECTS_READERS_MAX * sizeof(struct pando_objects_reader));
    atomic_store(&pando_agent.objects.current, NULL);
    atomic_store(&pando_agent.objects.unknown_code, 0);
    pando_unloads_after_fork(&pando_agent.objects);
    memset(&pando_agent.counters, 0, sizeof pando_agent.counters);
    pando_cpu_clock_forget_all();
    pando_cpu_clock_set_step(1);
    pando_pace_setup(pando_agent.config.door.budget_percent, pando_agent.config.door.rate_hz);
    pando_wall_thread_after_fork();
    pando_threads_reset(&pando_agent.counters);
}

/* `was`: what the thread was before; NULL: it was not known. */
static void begin_again(struct pando_thread_slot *was)
{
    uint64_t stack_low = was != NULL ? was->stack_low : 0, stack_high = was != NULL ? was->stack_high : 0;
    /* Before Pando's thread takes one. */
    struct pando_thread_slot *slot = was != NULL ? pando_threads_reserve_again(was) : pando_threads_reserve();
    pando_agent.pid = getpid();
    pando_agent.start_wall_ns = pando_clock_wall_ns();
    pando_agent.start_mono_ns = pando_clock_mono_ns();
    pando_agent.start_cpu_ns = pando_clock_process_cpu_ns();
    if (pando_agent_thread_start(false) != 0) {
        atomic_store(&pando_agent.phase, PANDO_PHASE_OFF);
        if (slot != NULL)
            pando_threads_release(slot);
        return;
    }
    atomic_store(&pando_agent.phase, PANDO_PHASE_ACTIVE);
    if (slot == NULL)
        return;
    slot->stack_low = stack_low;
    slot->stack_high = stack_high;
    pando_thread_exit_watch(slot);
    pando_threads_enter_self(slot, true);
    if (pando_orders_are_to_pause())
        pando_threads_hold_all();
}

static void after_in_child(void)
{
    enum pando_phase phase = pando_agent_phase();
    pando_lifecycle_reset_lock();
    if (mask_before == 0) {
        atomic_store(&pando_agent.phase, PANDO_PHASE_OFF);
        return;
    }
    /* The thread that forked is the only one; its stack is where it was. */
    struct pando_thread_slot *was = pando_thread_exit_watched();
    atomic_store(&pando_agent.phase, PANDO_PHASE_OFF);
    pando_loader_gate_after_fork();
    pando_agent_thread_after_fork();
    bool is_followed = phase == PANDO_PHASE_ACTIVE && pando_agent.config.follow_forks;
    if (is_followed && !pando_loader_gate_is_whole()) {
        pando_log(PANDO_LOG_WARN, "the process was forked while another thread was in dlopen or dlclose; the child is not profiled.");
        is_followed = false;
    }
    if (is_followed) {
        empty_everything();
        begin_again(was);
    }
    restore_mask();
}

int pando_fork_setup(void)
{
    if (!pando_fork_is_glibc())
        return -1;
    return __register_atfork(before, after_in_parent, after_in_child, &__dso_handle);
}
