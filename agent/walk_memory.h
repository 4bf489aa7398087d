/* Why: the one way in which a walk reads memory: words of the stack that is known to be there (or of its copy), or after asking.
 * Context: signal handler; private to the walker. */
#ifndef PANDO_AGENT_WALK_MEMORY_H
#define PANDO_AGENT_WALK_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/walker.h"

/* A stack has red zones of AddressSanitizer and words that another thread's TSan shadow knows: reading them is meant here. */
__attribute__((no_sanitize("address", "thread"), always_inline)) static inline uint64_t pando_walk_load(uint64_t address)
{
    return *(const volatile uint64_t *)(uintptr_t)address;
}

/* Reads the aligned word at `address`; false: it may not be read, *ret_word is as it was. */
static inline bool pando_walk_read(const struct pando_walk_memory *memory, uint64_t address, uint64_t *ret_word)
{
    if (address % 8 != 0)
        return false;
    if (address >= memory->low && address < memory->high && memory->high - address >= 8) {
        *ret_word = pando_walk_load(address + (uint64_t)memory->shift);
        return true;
    }
    if (memory->probe == NULL || !memory->probe(memory->probe_context, address))
        return false;
    *ret_word = pando_walk_load(address);
    return true;
}

#endif
