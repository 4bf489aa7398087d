/* Why: steps of a walk through code that has no unwind information: compiled at run time, or assembly. What is found is checked
 * against all that is known, and counted apart (by_frame_pointer, by_guess), so that nobody takes it for certain.
 * Context: signal handler; private to the walker. */
#ifndef PANDO_AGENT_WALK_BY_HAND_H
#define PANDO_AGENT_WALK_BY_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/walker.h"

/* Whether a return address can be `address` at all: user space, not the first page. */
static inline bool pando_walk_is_sane_code(uint64_t address)
{
    return address >= 65536 && address < (UINT64_C(1) << 47);
}

/* Whether `code`, the bytes before a return address, end with a near call (Intel SDM: E8 rel32, or FF /2). */
enum { PANDO_WALK_CALL_BYTES_MAX = 7 };
bool pando_walk_ends_with_call(const uint8_t code[PANDO_WALK_CALL_BYTES_MAX]);

/* By the chain of frame pointers: rbp is on the same stack at or above rsp, and the word after the saved rbp is an address of
 * known code. Sets the registers to the caller's; false: no such chain, they are as they were. */
bool pando_walk_frame_pointer(struct pando_walk *walk);

/* A leaf that has pushed nothing: the word at rsp is an address of known code, and a call instruction ends there. Reads code, so
 * needs memory.probe. Sets the registers; false: not so. */
bool pando_walk_guess_leaf(struct pando_walk *walk);

#endif
