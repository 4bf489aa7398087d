/* Why: agent/walk_context.h, agent/walker.h. Context: signal handler; calls nothing but `probe`. */
#include "agent/walk_context.h"

#include <stddef.h>
#include <ucontext.h>

#include "agent/walk_memory.h"
#include "agent/walker.h"

void pando_walk_registers_of(const void *ucontext, uint64_t registers[PANDO_WALK_REGISTERS])
{
    const greg_t *from = ((const ucontext_t *)ucontext)->uc_mcontext.gregs;
    /* Written out: a loop through the table would cost as much as ten frames. */
    registers[0] = (uint64_t)from[REG_RAX];
    registers[1] = (uint64_t)from[REG_RDX];
    registers[2] = (uint64_t)from[REG_RCX];
    registers[3] = (uint64_t)from[REG_RBX];
    registers[4] = (uint64_t)from[REG_RSI];
    registers[5] = (uint64_t)from[REG_RDI];
    registers[PANDO_WALK_RBP] = (uint64_t)from[REG_RBP];
    registers[PANDO_WALK_RSP] = (uint64_t)from[REG_RSP];
    for (int i = 8; i < 16; i++)
        registers[i] = (uint64_t)from[REG_R8 + i - 8];
    registers[PANDO_WALK_RIP] = (uint64_t)from[REG_RIP];
}

/* ucontext's order of registers, as DWARF numbers. */
static const uint8_t ucontext_order[PANDO_WALK_REGISTERS] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};

bool pando_walk_registers_read(const struct pando_walk_memory *memory, uint64_t ucontext, uint64_t registers[PANDO_WALK_REGISTERS])
{
    uint64_t at = ucontext + offsetof(ucontext_t, uc_mcontext.gregs);
    for (int i = 0; i < PANDO_WALK_REGISTERS; i++)
        if (!pando_walk_read(memory, at + (uint64_t)i * 8, &registers[ucontext_order[i]]))
            return false;
    return true;
}
