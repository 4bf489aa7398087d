/* Why: agent/wall_stack.h. Context: as there; one thread, so that one copy and one walk are enough. */
#include "agent/wall_stack.h"

#include <sys/uio.h>

#include "agent/agent.h"
#include "agent/own_threads.h"
#include "agent/walker.h"
#include "base/error.h"
#include "base/raw_syscall.h"

enum {
    FIRST_BYTES = 8192,          /* most sleeping stacks are smaller */
    COPY_WORDS = 64 * 1024,      /* half a megabyte, of which only what is used costs */
    VISITS_MAX = 65536,
    RED_ZONE_BYTES = 128,
};

static uint64_t copy[COPY_WORDS];
static struct pando_walk walk;

/* Copies [from, from + bytes) of this process as far as it is there; returns how much is. */
static uint64_t copy_stack(uint64_t from, uint64_t bytes)
{
    struct iovec local = {.iov_base = copy, .iov_len = bytes},
                 remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = bytes};
    long got = pando_raw_syscall(SYS_process_vm_readv, pando_agent.pid, (long)&local, 1, (long)&remote, 1, 0);
    return got > 0 ? (uint64_t)got & ~UINT64_C(7) : 0;
}

static void run_walk(struct pando_thread_slot *slot, const struct pando_wall_state *at, uint64_t low, uint64_t copied_bytes)
{
    struct pando_objects *objects = &pando_agent.objects;
    const struct pando_thread_slot *own = pando_own_thread_slot();
    walk = (struct pando_walk){
        .unknown_code = &objects->unknown_code,
        .memory = {.low = low, .high = low + copied_bytes, .shift = (int64_t)((uint64_t)(uintptr_t)copy - low)},
        .registers = {[PANDO_WALK_RSP] = at->rsp, [PANDO_WALK_RIP] = at->rip},
        .frames = slot->wall.frames, .frames_max = pando_agent.config.door.depth_max, .visits_max = VISITS_MAX,
        .only_rsp_known = true,
    };
    uint32_t reader = own != NULL ? pando_threads_reader(own->number) : 0;
    const struct pando_object_list *list = own != NULL ? pando_objects_enter(objects, reader) : NULL;
    /* As in the handler: code may have been replaced since the list was made. */
    if (list != NULL && list->unloads_seen == atomic_load_explicit(&objects->unloads, memory_order_acquire))
        walk.objects = list;
    pando_walk_run(&walk);
    if (own != NULL)
        pando_objects_leave(objects, reader);
}

void pando_wall_stack_take(struct pando_thread_slot *slot, const struct pando_wall_state *at)
{
    struct pando_wall_record *wall = &slot->wall;
    uint64_t low = (at->rsp & ~UINT64_C(7)) - RED_ZONE_BYTES;
    bool is_known_stack = at->rsp >= slot->stack_low && at->rsp < slot->stack_high;
    uint64_t limit = is_known_stack ? slot->stack_high - low : sizeof copy;
    if (limit > sizeof copy)
        limit = sizeof copy;
    uint64_t wanted = limit < FIRST_BYTES ? limit : FIRST_BYTES;
    uint64_t got = copy_stack(low, wanted);
    run_walk(slot, at, low, got);
    if (walk.end == PANDO_WALK_END_BAD_STACK && got == wanted && wanted < limit) {
        got = copy_stack(low, limit);
        run_walk(slot, at, low, got);
    }
    wall->frame_count = (uint16_t)walk.frame_count;
    wall->walk_end = (uint8_t)walk.end;
    wall->flags = walk.flags;
    wall->methods = walk.methods;
}

/* How many words of the copy go along, from the frame on at which the walk stopped. */
static uint32_t words_to_finish(void)
{
    uint64_t sp = walk.registers[PANDO_WALK_RSP];
    if (sp % 8 != 0 || sp < walk.memory.low || sp >= walk.memory.high)
        return 0;
    uint64_t words = (walk.memory.high - sp) / 8;
    return words < PANDO_SAMPLE_STACK_WORDS_MAX ? (uint32_t)words : PANDO_SAMPLE_STACK_WORDS_MAX;
}

void pando_wall_stack_push(struct pando_thread_slot *slot, bool has_copy)
{
    struct pando_wall_record *wall = &slot->wall;
    struct pando_sample_methods methods = wall->methods;
    methods.label_set = wall->labels.set;
    uint32_t stack_words = has_copy && wall->walk_end == PANDO_WALK_END_NO_ROWS ? words_to_finish() : 0;
    const union pando_sample_start head = {.parts = {
        .head = {.kind = stack_words != 0 ? PANDO_SAMPLE_RAW : PANDO_SAMPLE_STACK, .walk_end = wall->walk_end,
                 .flags = (uint8_t)(wall->flags | PANDO_SAMPLE_ONLY_RSP | (wall->labels.is_traced ? PANDO_SAMPLE_TRACED : 0)), .state = wall->state, .frame_count = wall->frame_count,
                 .stack_words = (uint16_t)stack_words},
        .origin = {.weight = wall->units, .tid = wall->tid},
        .methods = methods,
    }};
    uint64_t sp = walk.registers[PANDO_WALK_RSP];
    const struct pando_ring_part parts[] = {
        {head.words, PANDO_SAMPLE_HEAD_WORDS},
        {wall->labels.trace, wall->labels.is_traced ? PANDO_SAMPLE_TRACE_WORDS : 0},
        {wall->frames, wall->frame_count},
        {walk.registers, PANDO_WALK_REGISTERS},
        {&sp, 1},
        {(const uint64_t *)(uintptr_t)(sp + (uint64_t)walk.memory.shift), stack_words},
    };
    int error = pando_ring_push(pando_agent.ring, parts, stack_words != 0 ? 6 : 3);
    wall->units = 0;
    slot->is_in_ring = true;
    pando_count(&pando_agent.counters, PANDO_COUNT_WALL_SAMPLES);
    pando_count(&pando_agent.counters, error == 0                 ? PANDO_COUNT_SAMPLES_KEPT
                                       : error == PANDO_ERR_BUSY ? PANDO_COUNT_DROPPED_RING_BUSY
                                                                  : PANDO_COUNT_DROPPED_RING_FULL);
}
