/* Why: agent/walk_by_hand.h. Context: signal handler. */
#include "agent/walk_by_hand.h"

#include <stddef.h>

#include "agent/walk_memory.h"

enum { CALL_BYTES_MAX = PANDO_WALK_CALL_BYTES_MAX, FAR_BYTES = 65536 };

static bool is_code(const struct pando_walk *walk, uint64_t return_address)
{
    return pando_objects_find(walk->objects, return_address - 1, NULL) != NULL;
}

/* A coroutine's first frame may still have the rbp of who made it, on another stack. */
static bool is_same_stack(const struct pando_walk_memory *memory, uint64_t rsp, uint64_t rbp)
{
    if (rsp >= memory->low && rsp < memory->high)
        return rbp < memory->high;
    return rbp - rsp <= FAR_BYTES;
}

bool pando_walk_frame_pointer(struct pando_walk *walk)
{
    uint64_t *registers = walk->registers;
    uint64_t rbp = registers[PANDO_WALK_RBP], caller_rbp, rip;
    if (rbp < registers[PANDO_WALK_RSP] || rbp > UINT64_MAX - 16 ||
        !is_same_stack(&walk->memory, registers[PANDO_WALK_RSP], rbp) || !pando_walk_read(&walk->memory, rbp, &caller_rbp) ||
        !pando_walk_read(&walk->memory, rbp + 8, &rip) || !is_code(walk, rip))
        return false;
    registers[PANDO_WALK_RBP] = caller_rbp;
    registers[PANDO_WALK_RSP] = rbp + 16;
    registers[PANDO_WALK_RIP] = rip;
    return true;
}

bool pando_walk_ends_with_call(const uint8_t code[CALL_BYTES_MAX])
{
    if (code[2] == 0xe8)
        return true;
    /* FF /2 with its ModR/M byte, SIB and displacement: the length must come out right. */
    for (int at = 0; at <= CALL_BYTES_MAX - 2; at++) {
        uint8_t modrm = code[at + 1];
        if (code[at] != 0xff || (modrm >> 3 & 7) != 2)
            continue;
        int mode = modrm >> 6, base = modrm & 7, length = 2;
        if (mode != 3 && base == 4)
            length += 1;
        if (mode == 1)
            length += 1;
        else if (mode == 2 || (mode == 0 && base == 5))
            length += 4;
        if (at + length == CALL_BYTES_MAX)
            return true;
    }
    return false;
}

/* Up to two aligned words of code hold the bytes; each is asked for. */
static bool read_code(const struct pando_walk_memory *memory, uint64_t end, uint8_t code[CALL_BYTES_MAX])
{
    uint64_t from = end - CALL_BYTES_MAX, word_at = 1, word = 0;
    for (uint64_t i = 0; i < CALL_BYTES_MAX; i++) {
        uint64_t at = (from + i) & ~UINT64_C(7);
        if (at != word_at) {
            if (memory->probe == NULL || !memory->probe(memory->probe_context, at))
                return false;
            word = pando_walk_load(at);
            word_at = at;
        }
        code[i] = (uint8_t)(word >> ((from + i) % 8 * 8));
    }
    return true;
}

bool pando_walk_guess_leaf(struct pando_walk *walk)
{
    uint64_t *registers = walk->registers;
    uint64_t rip;
    uint8_t code[CALL_BYTES_MAX];
    if (!pando_walk_read(&walk->memory, registers[PANDO_WALK_RSP], &rip) || !pando_walk_is_sane_code(rip) ||
        !is_code(walk, rip) || !read_code(&walk->memory, rip, code) || !pando_walk_ends_with_call(code))
        return false;
    registers[PANDO_WALK_RSP] += 8;
    registers[PANDO_WALK_RIP] = rip;
    return true;
}
