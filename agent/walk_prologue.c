/* Why: agent/walk_prologue.h. Context: as there.
 * Rows tell where "push %rbp; mov %rsp,%rbp" ends: there a row with CFA = rsp + 16 is followed by one with CFA = rbp + 16. From there
 * on the instructions that a compiler puts into a prologue are read, until one that is none. */
#include "agent/walk_prologue.h"

#include <stddef.h>
#include <sys/uio.h>

#include "agent/walk_by_hand.h"
#include "agent/walk_memory.h"
#include "base/raw_syscall.h"

enum {
    CODE_BYTES = 80,         /* of a prologue, behind the mov */
    BEFORE_BYTES = 3,        /* mov %rsp,%rbp */
    ROWS_BACK_MAX = 256,     /* a function's epilogues have rows, too */
};

static bool copy_code(uint64_t from, uint8_t *bytes, size_t count)
{
    struct iovec local = {.iov_base = bytes, .iov_len = count},
                 remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = count};
    long pid = pando_raw_syscall4(SYS_getpid, 0, 0, 0, 0);
    return pando_raw_syscall(SYS_process_vm_readv, pid, (long)&local, 1, (long)&remote, 1, 0) == (long)count;
}

/* The address behind the mov in the function that `row` is of; 0: not found. */
static uint64_t end_of_mov(const struct pando_object_entry *entry, const struct pando_row *row)
{
    const struct pando_row *first = entry->rows->rows;
    for (int i = 0; i < ROWS_BACK_MAX && row > first; i++, row--) {
        const struct pando_row *before = row - 1;
        bool is_after_mov = row->kind == PANDO_ROW_RBP && pando_row_cfa_words(row) == 2;
        if (is_after_mov && before->kind == PANDO_ROW_RSP && pando_row_cfa_words(before) == 2)
            return entry->bias + entry->rows->first_offset + row->offset;
        if (row->kind == PANDO_ROW_NONE || row->kind == PANDO_ROW_END)
            return 0;
    }
    return 0;
}

/* Length of a ModR/M operand with all that belongs to it. */
static int operand_bytes(const uint8_t *modrm)
{
    int mode = *modrm >> 6, base = *modrm & 7, length = 1;
    if (mode == 3)
        return length;
    if (base == 4)
        length++;
    if (mode == 1)
        length++;
    else if (mode == 2 || (mode == 0 && base == 5) || (mode == 0 && base == 4 && (modrm[1] & 7) == 5))
        length += 4;
    return length;
}

/* One instruction of a prologue: its length, and by how much it lowers the stack pointer; 0: it is none of those. */
static int prologue_instruction(const uint8_t *code, uint64_t *lowered)
{
    if (code[0] == 0x64 && code[1] == 0x48 && code[2] == 0x8b) /* mov %fs:0x28,%reg: the stack protector's word */
        return 3 + operand_bytes(code + 3);
    int rex = (code[0] & 0xf0) == 0x40 ? 1 : 0;
    const uint8_t *at = code + rex;
    if (*at >= 0x50 && *at <= 0x57) {
        *lowered += 8;
        return rex + 1;
    }
    if (rex != 0 && code[0] == 0x48 && at[1] == 0xec && (at[0] == 0x83 || at[0] == 0x81)) { /* sub $n,%rsp */
        bool is_byte = at[0] == 0x83;
        *lowered += is_byte ? (uint64_t)(int64_t)(int8_t)at[2]
                            : (uint64_t)at[2] | (uint64_t)at[3] << 8 | (uint64_t)at[4] << 16 | (uint64_t)at[5] << 24;
        return rex + (is_byte ? 3 : 6);
    }
    bool is_move = *at == 0x89 || *at == 0x8b || *at == 0x8d || *at == 0x31 || *at == 0x33 || *at == 0x85;
    bool to_rsp = (at[1] >> 3 & 7) == 4 || ((at[1] & 0xc7) == 0xc4); /* as either operand (or r12, which does not matter) */
    if (is_move && !(to_rsp && (code[0] & 5) == 0 && rex != 0))
        return rex + 1 + operand_bytes(at + 1);
    if (*at >= 0xb8 && *at <= 0xbf)
        return rex + ((rex != 0 && (code[0] & 8) != 0) ? 9 : 5);
    return 0;
}

bool pando_walk_prologue_rbp(struct pando_walk *walk, const struct pando_object_entry *entry, const struct pando_row *row,
                             uint64_t *ret_rbp)
{
    uint8_t code[BEFORE_BYTES + CODE_BYTES + 16] = {0}, call[PANDO_WALK_CALL_BYTES_MAX];
    uint64_t begin = end_of_mov(entry, row), here = walk->registers[PANDO_WALK_RIP], lowered = 0, return_address;
    if (begin == 0 || begin < entry->start + BEFORE_BYTES || begin > here)
        return false;
    uint64_t count = entry->end - begin < CODE_BYTES ? entry->end - begin : CODE_BYTES;
    if (!copy_code(begin - BEFORE_BYTES, code, BEFORE_BYTES + count))
        return false;
    const uint8_t *at = code + BEFORE_BYTES;
    if (code[0] != 0x48 || !((code[1] == 0x89 && code[2] == 0xe5) || (code[1] == 0x8b && code[2] == 0xec)))
        return false;
    for (int length = 1; length != 0 && at < code + BEFORE_BYTES + count && begin + (uint64_t)(at - code) - BEFORE_BYTES < here;
         at += length)
        length = prologue_instruction(at, &lowered);
    uint64_t rbp = walk->registers[PANDO_WALK_RSP] + lowered;
    if (rbp % 8 != 0 || rbp < walk->registers[PANDO_WALK_RSP] || !pando_walk_read(&walk->memory, rbp + 8, &return_address) ||
        !pando_walk_is_sane_code(return_address) || pando_objects_find(walk->objects, return_address - 1, NULL) == NULL ||
        !copy_code(return_address - sizeof call, call, sizeof call) || !pando_walk_ends_with_call(call))
        return false;
    *ret_rbp = rbp;
    return true;
}
