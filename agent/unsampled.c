/* Why: agent/unsampled.h. Context: as there. */
#include "agent/unsampled.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "agent/agent.h"
#include "agent/agent_thread.h"
#include "base/raw_syscall.h"
#include "exchange/sample.h"

enum { KERNEL_SIGSET_BYTES = 8, FRAMES = 3 };

/* The same for all threads of a process: the two frames of libc's below a thread's first function. 0: not known yet. */
static atomic_ullong starter_return, clone_return;

void pando_unsampled_thread_begins(const void *return_address)
{
    if (atomic_load_explicit(&starter_return, memory_order_relaxed) == 0)
        atomic_store_explicit(&starter_return, (uintptr_t)return_address, memory_order_relaxed);
}

void pando_unsampled_learn(const struct pando_walk *walk)
{
    uint32_t count = walk->frame_count;
    if (atomic_load_explicit(&clone_return, memory_order_relaxed) == 0 && walk->end == PANDO_WALK_END_OUTERMOST && count >= FRAMES &&
        walk->frames[count - 2] == atomic_load_explicit(&starter_return, memory_order_relaxed))
        atomic_store_explicit(&clone_return, walk->frames[count - 1], memory_order_relaxed);
}

/* With signals blocked: a handler of the host's that jumps out of here would leave a record half-way. */
static int push_undisturbed(const uint64_t *words, uint32_t count)
{
    unsigned long all = ~0ul, old = 0;
    pando_raw_syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&old, KERNEL_SIGSET_BYTES);
    int error = pando_ring_push(pando_agent.ring, &(struct pando_ring_part){words, count}, 1);
    pando_raw_syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0, KERNEL_SIGSET_BYTES);
    return error;
}

static void add(const struct pando_thread_slot *slot, enum pando_sample_state state, uint64_t weight)
{
    if (weight == 0)
        return;
    struct pando_labels_seen labels;
    pando_labels_of_slot(slot, &labels);
    const uint64_t frames[FRAMES] = {(uintptr_t)slot->start | PANDO_SAMPLE_EXACT,
                                     atomic_load_explicit(&starter_return, memory_order_relaxed),
                                     atomic_load_explicit(&clone_return, memory_order_relaxed)};
    uint16_t frame_count = 0;
    while (slot->start != NULL && frame_count < FRAMES && frames[frame_count] != 0)
        frame_count++;
    union {
        struct {
            struct pando_sample_head head;
            struct pando_sample_origin origin;
            struct pando_sample_methods methods;
            uint64_t frames[FRAMES]; /* without a trace: its span may be over */
        } parts;
        uint64_t words[PANDO_SAMPLE_HEAD_WORDS + FRAMES];
    } record = {.parts = {
        .head = {.kind = PANDO_SAMPLE_STACK, .walk_end = PANDO_WALK_END_OUTERMOST, .flags = PANDO_SAMPLE_UNSAMPLED,
                 .state = (uint8_t)state, .frame_count = frame_count},
        .origin = {.weight = weight < UINT32_MAX ? (uint32_t)weight : UINT32_MAX, .tid = (uint32_t)slot->tid},
        .methods = {.label_set = labels.set},
        .frames = {frames[0], frames[1], frames[2]},
    }};
    int error = push_undisturbed(record.words, PANDO_SAMPLE_HEAD_WORDS + frame_count);
    pando_count(&pando_agent.counters, error == 0 ? PANDO_COUNT_SAMPLES_AT_THREAD_END : PANDO_COUNT_LOST_AT_THREAD_END);
    if (pando_agent_phase() == PANDO_PHASE_ACTIVE)
        pando_agent_thread_notice();
}

/* A thread that is gone when the worker asks for its name would have none. */
static void tell_name(const struct pando_thread_slot *slot)
{
    union {
        struct {
            struct pando_sample_head head;
            struct pando_sample_origin origin;
            struct pando_sample_methods methods;
            char name[PANDO_SAMPLE_NAME_WORDS * sizeof(uint64_t)];
        } parts;
        uint64_t words[PANDO_SAMPLE_HEAD_WORDS + PANDO_SAMPLE_NAME_WORDS];
    } record = {.parts = {.head = {.kind = PANDO_SAMPLE_NAME}, .origin = {.tid = (uint32_t)slot->tid}}};
    if (pando_raw_syscall4(SYS_prctl, PR_GET_NAME, (long)record.parts.name, 0, 0) == 0)
        push_undisturbed(record.words, sizeof record.words / sizeof record.words[0]);
}

void pando_unsampled_account(struct pando_thread_slot *slot, uint64_t intervals)
{
    uint64_t cpu = pando_agent.config.has_cpu_time ? intervals : 0,
             running = atomic_exchange_explicit(&slot->wall.running_units, 0, memory_order_relaxed);
    bool is_told = slot->is_in_ring || cpu != 0 || running != 0;
    if (is_told && pando_agent.config.door.slices != PANDO_DOOR_NO_SLICES && slot->tid == pando_raw_gettid())
        tell_name(slot);
    add(slot, PANDO_SAMPLE_CPU, cpu);
    add(slot, PANDO_SAMPLE_RUNNABLE, running);
}
