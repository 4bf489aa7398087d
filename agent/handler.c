/* Why: agent/handler.h. Context: the signal handler. Reads as the way of a sample: whose signal, which thread, walk, ring. */
#include "agent/handler.h"

#include <stddef.h>

#include "agent/agent.h"
#include "agent/agent_thread.h"
#include "agent/host_signals.h"
#include "agent/pace.h"
#include "agent/threads.h"
#include "agent/unsampled.h"
#include "agent/walk_compare.h"
#include "agent/walk_libunwind.h"
#include "agent/walker.h"
#include "base/error.h"
#include "base/raw_syscall.h"
#include "exchange/sample.h"

enum { PAGE_BYTES = 4096, KERNEL_SIGSET_BYTES = 8, NO_SUCH_HOW = 0x70616e64, VISITS_MAX = 65536, RED_ZONE_BYTES = 128 };

/* Whether 8 bytes can be read: the kernel copies the mask before it looks at the first argument, so EINVAL means readable and
 * EFAULT not. Every program already makes this call, so no filter forbids it. One call for each new page. */
static bool probe(void *context, uint64_t address)
{
    struct pando_thread_slot *slot = context;
    uint64_t first = address & ~(uint64_t)(PAGE_BYTES - 1), last = (address + 7) & ~(uint64_t)(PAGE_BYTES - 1);
    if (last < first)
        return false;
    if (first == slot->probed_page && last == slot->probed_page)
        return true;
    enum { EINVAL_NUMBER = 22 };
    if (pando_raw_syscall4(SYS_rt_sigprocmask, NO_SUCH_HOW, (long)address, 0, KERNEL_SIGSET_BYTES) != -EINVAL_NUMBER)
        return false;
    slot->probed_page = last;
    return true;
}

/* The slot whose timer this is; NULL when it is an old one. */
static struct pando_thread_slot *slot_of(uint64_t cookie)
{
    struct pando_thread_slot *slot = pando_threads_slot(pando_thread_cookie_number(cookie));
    if (slot == NULL)
        return NULL;
    unsigned use = atomic_load_explicit(&slot->use, memory_order_acquire);
    return pando_thread_state(use) == PANDO_THREAD_SAMPLED && pando_thread_cookie(use, slot->number) == cookie ? slot : NULL;
}

static void prepare_walk(struct pando_thread_slot *slot, const struct pando_object_list *list, const void *context)
{
    struct pando_walk *walk = &slot->walk;
    pando_walk_registers_of(context, walk->registers);
    walk->objects = list;
    walk->unknown_code = &pando_agent.objects.unknown_code;
    walk->frames = slot->frames;
    walk->frames_max = pando_agent.config.door.depth_max;
    walk->visits_max = VISITS_MAX;
    walk->only_rbp_rsp_known = walk->only_rsp_known = false;
    walk->is_return_address = false;
    walk->trail = &slot->trail;
    walk->memory.probe = probe;
    walk->memory.probe_context = slot;
    walk->memory.shift = 0;
    slot->probed_page = 1; /* no page */
    uint64_t sp = walk->registers[PANDO_WALK_RSP];
    bool is_known_stack = sp >= slot->stack_low && sp < slot->stack_high;
    /* In an epilogue a register that has been popped is still in the 128 bytes below the stack pointer, and wanted. */
    walk->memory.low = !is_known_stack ? 0 : sp - RED_ZONE_BYTES > slot->stack_low ? sp - RED_ZONE_BYTES : slot->stack_low;
    walk->memory.high = is_known_stack ? slot->stack_high : 0;
}

/* How many words of stack from `sp` on go along, for a walk that the aggregator finishes. */
static uint32_t stack_words_at(struct pando_thread_slot *slot, uint64_t sp)
{
    const struct pando_walk_memory *memory = &slot->walk.memory;
    if ((sp & 7) != 0)
        return 0;
    uint64_t words = 0;
    if (sp >= memory->low && sp < memory->high) {
        words = (memory->high - sp) / 8;
    } else {
        while (words < PANDO_SAMPLE_STACK_WORDS_MAX && probe(slot, sp + words * 8))
            words = ((sp + words * 8) / PAGE_BYTES * PAGE_BYTES + PAGE_BYTES - sp) / 8;
    }
    return words < PANDO_SAMPLE_STACK_WORDS_MAX ? (uint32_t)words : PANDO_SAMPLE_STACK_WORDS_MAX;
}

static int push(struct pando_thread_slot *slot, enum pando_sample_state state, uint32_t weight, uint32_t stack_words)
{
    const struct pando_walk *walk = &slot->walk;
    const uint64_t *trace = pando_labels_own_trace();
    struct pando_sample_methods methods = walk->methods;
    methods.label_set = pando_labels_own_set();
    const union pando_sample_start head = {.parts = {
        .head = {.kind = stack_words != 0 ? PANDO_SAMPLE_RAW : PANDO_SAMPLE_STACK, .walk_end = (uint8_t)walk->end,
                 .flags = (uint8_t)(walk->flags | (trace != NULL ? PANDO_SAMPLE_TRACED : 0)), .state = (uint8_t)state,
                 .frame_count = (uint16_t)walk->frame_count, .stack_words = (uint16_t)stack_words},
        .origin = {.weight = weight, .tid = (uint32_t)slot->tid},
        .methods = methods,
    }};
    uint64_t sp = walk->registers[PANDO_WALK_RSP];
    struct pando_ring_part parts[6]; /* (not initialised as a whole: that alone would cost as much as five frames) */
    uint32_t count = 0;
    parts[count++] = (struct pando_ring_part){head.words, PANDO_SAMPLE_HEAD_WORDS};
    if (trace != NULL)
        parts[count++] = (struct pando_ring_part){trace, PANDO_SAMPLE_TRACE_WORDS};
    parts[count++] = (struct pando_ring_part){walk->frames, walk->frame_count};
    if (stack_words != 0) {
        parts[count++] = (struct pando_ring_part){walk->registers, PANDO_WALK_REGISTERS};
        parts[count++] = (struct pando_ring_part){&sp, 1};
        parts[count++] = (struct pando_ring_part){(const uint64_t *)(uintptr_t)sp, stack_words};
    }
    return pando_ring_push(pando_agent.ring, parts, count);
}

static uint32_t weigh(struct pando_thread_slot *slot, unsigned overruns)
{
    uint64_t weight = pando_cpu_clock_take(&slot->timer, overruns);
    if (weight > 1 + (uint64_t)overruns)
        pando_count_add(&pando_agent.counters, PANDO_COUNT_INTERVALS_SKIPPED, weight - 1 - overruns);
    return weight < UINT32_MAX ? (uint32_t)weight : UINT32_MAX;
}

static void keep(struct pando_thread_slot *slot, enum pando_sample_state state, uint32_t weight, uint32_t stack_words)
{
    int error = push(slot, state, weight, stack_words);
    if (error == PANDO_ERR_LIMIT && stack_words != 0)
        error = push(slot, state, weight, 0); /* cut is better than lost */
    pando_count(&pando_agent.counters, error == 0                 ? PANDO_COUNT_SAMPLES_KEPT
                                       : error == PANDO_ERR_BUSY ? PANDO_COUNT_DROPPED_RING_BUSY
                                                                  : PANDO_COUNT_DROPPED_RING_FULL);
}

/* `cpu_weight` of CPU time, and `running_weight` of wall time in which the thread was found running. */
static void take_sample(struct pando_thread_slot *slot, uint32_t cpu_weight, uint32_t running_weight, void *context)
{
    struct pando_objects *objects = &pando_agent.objects;
    uint32_t reader = pando_threads_reader(slot->number);
    const struct pando_object_list *list = pando_objects_enter(objects, reader);
    /* Code may have been replaced since the list was made: then no row is used, the aggregator walks with a new list. */
    if (list != NULL && list->unloads_seen != atomic_load_explicit(&objects->unloads, memory_order_acquire))
        list = NULL;
    prepare_walk(slot, list, context);
    if (pando_agent.config.unwinder == PANDO_UNWINDER_LIBUNWIND)
        pando_walk_libunwind(&slot->walk, context);
    else
        pando_walk_run(&slot->walk);
    if (pando_agent.config.unwinder == PANDO_UNWINDER_COMPARE)
        pando_walk_compare(slot, context);
    pando_objects_leave(objects, reader);
    pando_unsampled_learn(&slot->walk);
    pando_labels_meet(slot, atomic_load_explicit(&slot->use, memory_order_relaxed));
    slot->is_in_ring = true;

    uint32_t stack_words = slot->walk.end == PANDO_WALK_END_NO_ROWS ? stack_words_at(slot, slot->walk.registers[PANDO_WALK_RSP])
                                                                    : 0;
    if (cpu_weight != 0)
        keep(slot, PANDO_SAMPLE_CPU, cpu_weight, stack_words);
    if (running_weight != 0)
        keep(slot, PANDO_SAMPLE_RUNNABLE, running_weight, stack_words);
    if (cpu_weight != 0 && running_weight != 0)
        pando_count(&pando_agent.counters, PANDO_COUNT_WALL_SAMPLES);
    pando_agent_thread_notice();
}

static void take_what_is_due(struct pando_thread_slot *slot, uint32_t weight, void *context)
{
    const struct pando_config *config = &pando_agent.config;
    uint32_t running = !config->door.has_wall_time ? 0
                       : atomic_exchange_explicit(&slot->wall.running_units, 0, memory_order_relaxed);
    if (!config->has_cpu_time && running == 0)
        pando_count(&pando_agent.counters, PANDO_COUNT_SAMPLES_NOT_DUE);
    else
        take_sample(slot, config->has_cpu_time ? weight : 0, running, context);
}

void pando_handler(int number, siginfo_t *info, void *context)
{
    uint64_t cookie = (uint64_t)(uintptr_t)info->si_value.sival_ptr;
    if (info->si_code != SI_TIMER || !pando_thread_is_cookie(cookie)) {
        pando_count(&pando_agent.counters, PANDO_COUNT_FOREIGN_SIGNALS);
        pando_host_signals_foreign(number, info, context);
        return;
    }
    uint64_t begin_ticks = pando_pace_ticks();
    struct pando_counters *counters = &pando_agent.counters;
    unsigned overruns = info->si_overrun > 0 ? (unsigned)info->si_overrun : 0;
    pando_count(counters, PANDO_COUNT_SIGNALS);
    if (overruns > 0)
        pando_count_add(counters, PANDO_COUNT_OVERRUNS, overruns);
    struct pando_thread_slot *slot = slot_of(cookie);
    if (pando_agent_phase() != PANDO_PHASE_ACTIVE) {
        pando_count(counters, PANDO_COUNT_DROPPED_STOPPED);
    } else if (slot == NULL) {
        pando_count(counters, PANDO_COUNT_DROPPED_STALE);
    } else {
        take_what_is_due(slot, weigh(slot, overruns), context);
        pando_pace_spent(&slot->handler_ticks, begin_ticks);
    }
}
