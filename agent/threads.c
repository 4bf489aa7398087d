/* Why: agent/threads.h. Context: each function says there. */
#include "agent/threads.h"

#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "agent/agent.h"
#include "agent/alternate_stack.h"
#include "agent/attached.h"
#include "agent/cpu_clock.h"
#include "agent/real.h"
#include "agent/unsampled.h"
#include "base/error.h"
#include "base/raw_syscall.h"

static _Atomic(struct pando_thread_slot *) chunks[PANDO_THREADS_CHUNKS_MAX];
static atomic_uint high_water;
static struct pando_counters *counted;
static atomic_uint first_free; /* where to begin to look for a free slot: thousands that are taken are slow to pass */
static atomic_uint births_begun, births_ended;
static atomic_uint by_hook_now;

unsigned pando_threads_by_hook(void)
{
    return atomic_load(&by_hook_now);
}

void pando_threads_birth_begins(void)
{
    atomic_fetch_add(&births_begun, 1); /* seq_cst: before the thread exists, for whoever lists it */
}

void pando_threads_birth_ends(void)
{
    atomic_fetch_add(&births_ended, 1);
}

bool pando_threads_no_births(unsigned *ret_births)
{
    unsigned ended = atomic_load(&births_ended);
    *ret_births = atomic_load(&births_begun);
    return *ret_births == ended;
}

struct pando_thread_slot *pando_threads_slot(uint32_t number)
{
    if (number >= PANDO_THREADS_MAX)
        return NULL;
    struct pando_thread_slot *chunk = atomic_load_explicit(&chunks[number / PANDO_THREADS_CHUNK], memory_order_acquire);
    return chunk != NULL ? &chunk[number % PANDO_THREADS_CHUNK] : NULL;
}

uint32_t pando_threads_high_water(void)
{
    return atomic_load_explicit(&high_water, memory_order_relaxed);
}

void pando_threads_reset(struct pando_counters *counters)
{
    counted = counters;
    atomic_store(&by_hook_now, 0);
    atomic_store(&births_begun, 0);
    atomic_store(&births_ended, 0);
    for (uint32_t i = 0; i < pando_threads_high_water(); i++) {
        struct pando_thread_slot *slot = pando_threads_slot(i);
        if (slot == NULL)
            continue;
        slot->timer.number = -1;
        slot->wall.units = 0;
        slot->wall.seen_mono_ns = slot->wall.remainder = 0;
        atomic_store_explicit(&slot->wall.running_units, 0, memory_order_relaxed);
        pando_thread_set_state(slot, PANDO_THREAD_FREE);
    }
    atomic_store(&first_free, 0);
    atomic_store_explicit(&counters->threads_now, 0, memory_order_relaxed);
}

/* Of a chunk: the slots, then their alternate stacks. */
enum {
    PAGE_BYTES = 4096,
    SLOTS_BYTES = (sizeof(struct pando_thread_slot) * PANDO_THREADS_CHUNK + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES,
    CHUNK_BYTES = SLOTS_BYTES + PANDO_THREADS_CHUNK * PANDO_ALTERNATE_AREA_BYTES,
};

char *pando_threads_alternate(struct pando_thread_slot *slot)
{
    uint32_t at = slot->number % PANDO_THREADS_CHUNK;
    return (char *)(slot - at) + SLOTS_BYTES + (size_t)at * PANDO_ALTERNATE_AREA_BYTES;
}

bool pando_threads_has_alternate(uint64_t address)
{
    for (uint32_t i = 0; i < PANDO_THREADS_CHUNKS_MAX; i++) {
        struct pando_thread_slot *chunk = atomic_load_explicit(&chunks[i], memory_order_acquire);
        if (chunk != NULL && address - (uint64_t)(uintptr_t)chunk < CHUNK_BYTES)
            return true;
    }
    return false;
}

/* The chunk with that number, mapped if need be; two that do it at once agree on one. */
static struct pando_thread_slot *make_chunk(uint32_t chunk_number)
{
    size_t bytes = CHUNK_BYTES;
    long got = pando_raw_syscall(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got < 0 && got > -4096)
        return NULL;
    struct pando_thread_slot *chunk = (struct pando_thread_slot *)got;
    struct pando_thread_slot *expected = NULL;
    if (atomic_compare_exchange_strong_explicit(&chunks[chunk_number], &expected, chunk, memory_order_acq_rel,
                                                memory_order_acquire))
        return chunk;
    pando_raw_syscall4(SYS_munmap, got, (long)bytes, 0, 0);
    return expected;
}

static void raise_high_water(uint32_t to)
{
    unsigned now = atomic_load_explicit(&high_water, memory_order_relaxed);
    while (now < to &&
           !atomic_compare_exchange_weak_explicit(&high_water, &now, to, memory_order_relaxed, memory_order_relaxed))
        ;
}

static bool reserve_slot(struct pando_thread_slot *slot)
{
    unsigned use = pando_thread_use(slot);
    unsigned taken = (pando_thread_generation(use) + 1) << PANDO_THREAD_STATE_BITS | PANDO_THREAD_TAKEN;
    if (pando_thread_state(use) != PANDO_THREAD_FREE || pando_alternate_stack_is_in_use(slot) ||
        !atomic_compare_exchange_strong_explicit(&slot->use, &use, taken, memory_order_acquire, memory_order_relaxed))
        return false;
    slot->timer.number = -1;
    slot->tid = 0;
    slot->start = NULL;
    slot->by_hook = slot->is_held = slot->is_in_ring = false;
    pando_labels_forget(slot);
    slot->stack_low = slot->stack_high = 0;
    return true;
}

static struct pando_thread_slot *reserve_from(uint32_t number)
{
    for (; number < PANDO_THREADS_MAX; number++) {
        struct pando_thread_slot *slot = pando_threads_slot(number);
        if (slot == NULL) {
            slot = make_chunk(number / PANDO_THREADS_CHUNK);
            if (slot == NULL)
                return NULL;
            slot += number % PANDO_THREADS_CHUNK;
        }
        if (reserve_slot(slot)) {
            slot->number = number;
            raise_high_water(number + 1);
            atomic_store_explicit(&first_free, number + 1, memory_order_relaxed);
            return slot;
        }
    }
    return NULL;
}

struct pando_thread_slot *pando_threads_reserve(void)
{
    uint32_t begin = atomic_load_explicit(&first_free, memory_order_relaxed);
    struct pando_thread_slot *slot = reserve_from(begin);
    if (slot == NULL && begin != 0)
        slot = reserve_from(0);
    if (slot == NULL)
        pando_count(counted, PANDO_COUNT_THREADS_NO_SLOT);
    return slot;
}

struct pando_thread_slot *pando_threads_reserve_again(struct pando_thread_slot *slot)
{
    bool has_alternate = atomic_load(&slot->alternate_tid) != 0;
    if (!reserve_slot(slot))
        return NULL;
    atomic_store(&slot->alternate_tid, has_alternate ? pando_raw_gettid() : 0);
    return slot;
}

static void set_free(struct pando_thread_slot *slot)
{
    uint32_t number = slot->number;
    pando_thread_set_state(slot, PANDO_THREAD_FREE);
    if (number < atomic_load_explicit(&first_free, memory_order_relaxed))
        atomic_store_explicit(&first_free, number, memory_order_relaxed);
}

void pando_threads_release(struct pando_thread_slot *slot)
{
    set_free(slot);
}

/* Sets the timer going; the slot is complete before the first signal can come. */
static void start_timer(struct pando_thread_slot *slot, bool has_room)
{
    atomic_fetch_add_explicit(&counted->threads_now, 1, memory_order_relaxed);
    pando_count(counted, PANDO_COUNT_THREADS_SEEN);
    if (!has_room) {
        pando_count(counted, PANDO_COUNT_THREADS_SMALL_ALTSTACK);
        pando_thread_set_state(slot, PANDO_THREAD_UNSAMPLED);
        return;
    }
    pando_thread_set_state(slot, PANDO_THREAD_SAMPLED);
    int error = pando_cpu_clock_start(slot->tid, pando_thread_cookie(pando_thread_use(slot), slot->number), &slot->timer);
    if (error == 0)
        return;
    pando_count(counted, error == PANDO_ERR_LIMIT ? PANDO_COUNT_THREADS_TIMER_LIMIT : PANDO_COUNT_THREADS_NO_TIMER);
    pando_thread_set_state(slot, PANDO_THREAD_UNSAMPLED);
}

/* The first thread's stack grows downwards from a known end as far as RLIMIT_STACK; the kernel keeps that room free of other
 * mappings up to 128 MiB. */
static void bounds_of_first_stack(struct pando_thread_slot *slot)
{
    void **end = pando_real()->stack_end;
    if (end == NULL)
        return;
    uint64_t top = ((uint64_t)(uintptr_t)*end + 8) & ~7ull;
    uint64_t size = 128ull << 20;
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < size)
        size = limit.rlim_cur;
    if (size > top)
        return;
    slot->stack_low = top - size;
    slot->stack_high = top;
}

static void bounds_of_own_stack(struct pando_thread_slot *slot)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
        slot->stack_low = (uint64_t)(uintptr_t)low;
        slot->stack_high = slot->stack_low + size;
    }
    pthread_attr_destroy(&attributes);
}

void pando_threads_enter_self(struct pando_thread_slot *slot, bool is_main)
{
    slot->tid = pando_raw_gettid();
    slot->by_hook = true;
    atomic_fetch_add(&by_hook_now, 1);
    if (slot->stack_high == 0) {
        if (is_main)
            bounds_of_first_stack(slot);
        else
            bounds_of_own_stack(slot);
    }
    pando_labels_meet(slot, pando_thread_use(slot));
    bool has_room = pando_alternate_stack_enter(slot);
    start_timer(slot, has_room);
}

void pando_threads_enter_other(struct pando_thread_slot *slot, int tid)
{
    slot->tid = tid;
    if (tid == pando_agent.pid)
        bounds_of_first_stack(slot);
    if (!pando_agent.config.is_attached || !pando_attached_blocks_sigprof(tid)) {
        start_timer(slot, true);
        return;
    }
    atomic_fetch_add_explicit(&counted->threads_now, 1, memory_order_relaxed);
    pando_count(counted, PANDO_COUNT_THREADS_SEEN);
    pando_count(counted, PANDO_COUNT_THREADS_BLOCK_SIGPROF);
    slot->is_refused = true;
    pando_thread_set_state(slot, PANDO_THREAD_UNSAMPLED);
}

void pando_threads_enter_own(struct pando_thread_slot *slot, int tid)
{
    slot->tid = tid;
    pando_thread_set_state(slot, PANDO_THREAD_OWN);
}

void pando_threads_leave(struct pando_thread_slot *slot, unsigned use)
{
    unsigned taken = (use & ~(unsigned)PANDO_THREAD_STATE_MASK) | PANDO_THREAD_TAKEN;
    if (pando_thread_state(use) < PANDO_THREAD_SAMPLED ||
        !atomic_compare_exchange_strong_explicit(&slot->use, &use, taken, memory_order_acq_rel, memory_order_relaxed))
        return;
    if (pando_thread_is_hosts(use)) {
        pando_unsampled_account(slot, pando_cpu_clock_stop(&slot->timer, slot->tid));
        if (slot->by_hook)
            atomic_fetch_sub(&by_hook_now, 1);
        atomic_fetch_sub_explicit(&counted->threads_now, 1, memory_order_relaxed);
    }
    set_free(slot);
}

void pando_threads_leave_all(void)
{
    for (uint32_t i = 0; i < pando_threads_high_water(); i++) {
        struct pando_thread_slot *slot = pando_threads_slot(i);
        unsigned use = slot != NULL ? pando_thread_use(slot) : 0;
        if (pando_thread_is_hosts(use))
            pando_threads_leave(slot, use);
    }
}
