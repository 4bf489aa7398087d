/* Why: from a thread's registers to its stack, by the rows that the worker has published: the part of Pando that must be right
 * and cheap. A pure function of registers, memory and tables, so that the handler, the aggregator (for stacks copied by RAW
 * samples) and tests all use it.
 * Context: signal handler: no lock, no allocation, no loader; reads memory directly only inside the given stack range, elsewhere
 * after asking `probe`. Never faults, whatever the registers and the stack hold. Own stack use: under 300 bytes. */
#ifndef PANDO_AGENT_WALKER_H
#define PANDO_AGENT_WALKER_H

#include <stdbool.h>
#include <stdint.h>

#include "exchange/objects.h"
#include "exchange/sample.h"

/* DWARF numbers: 0 rax 1 rdx 2 rcx 3 rbx 4 rsi 5 rdi 6 rbp 7 rsp 8..15 r8..r15 16 rip. */
enum { PANDO_WALK_REGISTERS = 17, PANDO_WALK_RBP = 6, PANDO_WALK_RSP = 7, PANDO_WALK_RIP = 16 };

/* What memory may be read. [low, high) of the stack is known to be there; `shift` is added to an address in it to reach the
 * bytes (0: in place; else they are a copy). Other addresses: `probe` (may be NULL: never) tells whether the 8 bytes at the
 * address can be read now, in place. */
struct pando_walk_memory {
    uint64_t low, high;
    int64_t shift;
    bool (*probe)(void *context, uint64_t address);
    void *probe_context;
};

struct pando_walk_trail;

struct pando_walk {
    /* In: */
    const struct pando_object_list *objects; /* NULL: none yet */
    atomic_uint *unknown_code;               /* as in struct pando_objects; may be NULL */
    struct pando_walk_memory memory;
    uint64_t registers[PANDO_WALK_REGISTERS]; /* of the frame to go on from; after the walk: where it ended */
    uint64_t *frames;                        /* room for frames_max (a power of two is not needed) */
    uint32_t frames_max;                     /* 2..PANDO_SAMPLE_FRAMES_MAX: kept frames */
    uint32_t visits_max;                     /* frames that a walk may visit before it is TOO_DEEP */
    bool only_rbp_rsp_known;                 /* the registers are not those of an innermost or signal frame */
    bool only_rsp_known;                     /* the same, and rbp is not known either (a thread looked at from outside) */
    struct pando_walk_trail *trail;          /* of the walks before on this stack (agent/walk_trail.h), or NULL */
    bool is_return_address;                  /* registers[RIP] is a return address (going on from a RAW sample) */
    /* Out: frames[0..frame_count) innermost first, PANDO_SAMPLE_EXACT marked; how they were found; why it ended. */
    uint32_t frame_count;
    uint32_t visited;                        /* frames seen, also those that were not kept */
    uint32_t slot;                           /* (the walk's own: where in `frames` the next one goes) */
    struct pando_sample_methods methods;
    enum pando_walk_end end;
    uint8_t flags;                           /* enum pando_sample_flag */
};

/* When more than frames_max frames are found, the outermost frames_max are kept and PANDO_SAMPLE_TRUNCATED is set. With
 * PANDO_WALK_END_NO_ROWS `registers` are those of the frame whose code has no rows yet (its address is the last frame: who goes
 * on from there leaves out the first frame of the second walk). `only_rbp_rsp_known` then is to be set, unless the last frame is
 * marked exact. PANDO_SAMPLE_EXACT is also set in the innermost frame, unless is_return_address.
 * A sane address that is in no mapping counts as NO_ROWS while unknown_code is there to report it to: the list may be old.
 * With unknown_code == NULL the list is taken to be complete: BAD_CODE. */
void pando_walk_run(struct pando_walk *walk);

/* Fills `registers` from a signal's context (ucontext_t). */
void pando_walk_registers_of(const void *ucontext, uint64_t registers[PANDO_WALK_REGISTERS]);

#endif
