/* Why: agent/walker.h. Context: signal handler; calls nothing but pando_objects_find, `probe` and its parts (walk_*.c).
 *
 * The way of one step: code address -> entry (mapping) -> row -> CFA -> return address and rbp -> entry of the caller. What is
 * found is believed only when the stack grows and the return address is in code; a frame enters the list after that. */
#include "agent/walker.h"

#include <stddef.h>

#include "agent/walk_by_hand.h"
#include "agent/walk_context.h"
#include "agent/walk_frames.h"
#include "agent/walk_memory.h"
#include "agent/walk_prologue.h"
#include "agent/walk_trail.h"

enum {
    KNOWN_RBX = 1 << 3,
    KNOWN_RBP = 1 << PANDO_WALK_RBP,
    KNOWN_RSP = 1 << PANDO_WALK_RSP,
    KNOWN_PLAIN = KNOWN_RBP | KNOWN_RSP,
    KNOWN_ALL = (1 << PANDO_WALK_REGISTERS) - 1,
};
/* The rule that a step went by, or why there is none. */
enum step { STEP_ROW, STEP_SIGNAL, STEP_HAND_FRAME_POINTER, STEP_HAND_GUESS, STEP_STOP };

/* What a walk keeps between two steps. */
struct walker {
    struct pando_walk *walk;
    const struct pando_object_entry *entry; /* of the current frame's code; NULL: in no mapping */
    const struct pando_object_entry *other; /* the one before that was a different one: stacks go to and fro */
    uint32_t known;                         /* bit r: registers[r] is this frame's */
    uint32_t link;                          /* of the last step, for the trail */
    struct pando_walk_place place;          /* in the trail */
    bool is_exact;                          /* registers[RIP] is where it goes on, not a return address */
};

static void fail(struct walker *walker, enum pando_walk_end end)
{
    walker->walk->end = end;
}

static void reverse(uint64_t *words, uint32_t count)
{
    for (uint32_t i = 0, j = count; i + 1 < j; i++) {
        uint64_t word = words[i];
        words[i] = words[--j];
        words[j] = word;
    }
}

/* Puts the ring of frames into order, in place: the oldest is at `slot`. */
static void finish(struct walker *walker)
{
    struct pando_walk *walk = walker->walk;
    pando_walk_trail_finish(&walker->place);
    if ((walker->known & KNOWN_RBP) == 0)
        walk->registers[PANDO_WALK_RBP] = 0; /* who goes on from here must not take it for the caller's */
    walk->frame_count = walk->visited < walk->frames_max ? walk->visited : walk->frames_max;
    if (walk->visited <= walk->frames_max)
        return;
    walk->flags |= PANDO_SAMPLE_TRUNCATED;
    reverse(walk->frames, walk->slot);
    reverse(walk->frames + walk->slot, walk->frames_max - walk->slot);
    reverse(walk->frames, walk->frames_max);
}

static const struct pando_object_entry *entry_of(struct walker *walker, uint64_t address)
{
    const struct pando_object_entry *entry = walker->entry;
    if (entry != NULL && address - entry->start < entry->end - entry->start)
        return entry;
    const struct pando_object_entry *found = pando_objects_find(walker->walk->objects, address, walker->other);
    if (found != NULL && entry != NULL)
        walker->other = entry;
    return found;
}

/* Restores all registers from the ucontext that the kernel put on the stack. */
static bool leave_signal_frame(struct walker *walker)
{
    struct pando_walk *walk = walker->walk;
    if (!pando_walk_registers_read(&walk->memory, walk->registers[PANDO_WALK_RSP], walk->registers)) {
        fail(walker, PANDO_WALK_END_BAD_STACK);
        return false;
    }
    walker->known = KNOWN_ALL; /* also the stack: it may be anywhere, as the handler may run on its own */
    return true;
}

/* What a rule says, before it is checked. */
struct rule {
    uint64_t cfa;
    uint64_t rbp_at;  /* where the caller's rbp is; 0: in rbp */
    bool rbp_lost;
    uint8_t ra_reg;
};

static bool rule_of_extra(struct walker *walker, const struct pando_row_extra *extra, struct rule *rule)
{
    const uint64_t *registers = walker->walk->registers;
    bool has_index = extra->index_reg != PANDO_ROW_NO_INDEX;
    if ((walker->known >> extra->reg & 1) == 0 || (has_index && (walker->known >> extra->index_reg & 1) == 0)) {
        fail(walker, PANDO_WALK_END_NO_RULE);
        return false;
    }
    uint64_t value = registers[extra->reg] + (uint64_t)(int64_t)extra->offset + (has_index ? registers[extra->index_reg] * 8 : 0);
    if (extra->is_deref && !pando_walk_read(&walker->walk->memory, value, &value)) {
        fail(walker, PANDO_WALK_END_BAD_STACK);
        return false;
    }
    rule->cfa = value + (uint64_t)(int64_t)extra->add;
    rule->ra_reg = extra->ra_reg;
    if (extra->rbp == PANDO_ROW_RBP_AT_CFA)
        rule->rbp_at = rule->cfa + (uint64_t)(int64_t)extra->rbp_offset;
    else if (extra->rbp == PANDO_ROW_RBP_AT_RBP)
        rule->rbp_at = registers[PANDO_WALK_RBP] + (uint64_t)(int64_t)extra->rbp_offset;
    rule->rbp_lost = extra->rbp == PANDO_ROW_RBP_LOST ||
                     (extra->rbp == PANDO_ROW_RBP_AT_RBP && (walker->known & KNOWN_RBP) == 0);
    bool ra_known = extra->ra_reg == PANDO_ROW_RA_AT_CFA || (walker->known >> extra->ra_reg & 1) != 0;
    if (!ra_known)
        fail(walker, PANDO_WALK_END_NO_RULE);
    return ra_known;
}

/* Of a sleeping thread nobody tells rbp: perhaps the function's own code does. */
static bool find_rbp(struct walker *walker, const struct pando_row *row)
{
    struct pando_walk *walk = walker->walk;
    if (!walk->only_rsp_known || !pando_walk_prologue_rbp(walk, walker->entry, row, &walk->registers[PANDO_WALK_RBP]))
        return false;
    walker->known |= KNOWN_RBP;
    walk->flags |= PANDO_SAMPLE_GUESSED;
    walk->methods.by_guess++;
    return true;
}

static bool rule_of_row(struct walker *walker, const struct pando_row *row, uint64_t lookup, struct rule *rule)
{
    const uint64_t *registers = walker->walk->registers;
    if (row->kind == PANDO_ROW_EXTRA)
        return row->cfa_words < walker->entry->rows->extra_count &&
               rule_of_extra(walker, &walker->entry->rows->extras[row->cfa_words], rule);
    if (row->kind == PANDO_ROW_RSP) {
        rule->cfa = registers[PANDO_WALK_RSP] + (uint64_t)((int64_t)pando_row_cfa_words(row) * 8);
    } else if (row->kind == PANDO_ROW_RBP) {
        if ((walker->known & KNOWN_RBP) == 0 && !find_rbp(walker, row)) {
            fail(walker, PANDO_WALK_END_NO_RULE);
            return false;
        }
        rule->cfa = registers[PANDO_WALK_RBP] + (uint64_t)((int64_t)pando_row_cfa_words(row) * 8);
    } else {
        rule->cfa = registers[PANDO_WALK_RSP] + ((lookup & 15) >= 11 ? 16 : 8);
    }
    if (row->rbp == PANDO_ROW_RBP_AT_CFA)
        rule->rbp_at = rule->cfa - (uint64_t)row->rbp_words * 8;
    else
        rule->rbp_lost = row->rbp == PANDO_ROW_RBP_LOST;
    return true;
}

/* Reads a register that is saved at `address`; is_known: whether *ret_word is the caller's. In an epilogue the register was popped, but
 * the rule still says where it was: then it lies below the stack pointer, which may be out of reach, and the register has it again. */
static void read_saved(const struct walker *walker, uint64_t address, uint64_t *ret_word, bool *is_known)
{
    if (pando_walk_read(&walker->walk->memory, address, ret_word))
        *is_known = true; /* also where this frame's own is not */
    else if (!walker->is_exact || address >= walker->walk->registers[PANDO_WALK_RSP])
        *is_known = false;
}

/* rbx is followed only through objects that need it (exchange/rows.h). */
static void follow_rbx(struct walker *walker, const struct pando_rows *rows, const struct pando_row *row, uint64_t cfa)
{
    uint8_t where = rows->rbx == NULL ? PANDO_ROW_RBX_LOST : rows->rbx[row - rows->rows];
    if (where == PANDO_ROW_RBX_SAME)
        return;
    bool is_known = where != PANDO_ROW_RBX_LOST;
    if (is_known)
        read_saved(walker, cfa - (uint64_t)where * 8, &walker->walk->registers[3], &is_known);
    if (!is_known)
        walker->known &= ~(uint32_t)KNOWN_RBX;
}

/* The trail's link for a step by `row`, whose state and rule hold nothing that a mark does not tell. The words that were read lie
 * between the two stack pointers, and in the stack that is known. */
static uint32_t link_of(const struct walker *walker, const struct pando_row *row, const struct rule *rule)
{
    const struct pando_walk *walk = walker->walk;
    uint64_t rsp = walk->registers[PANDO_WALK_RSP];
    if (walker->is_exact || (row->kind != PANDO_ROW_RSP && row->kind != PANDO_ROW_RBP) || rule->rbp_lost ||
        rule->cfa > walk->memory.high || rsp < walk->memory.low ||
        (rule->rbp_at != 0 && (rule->rbp_at < rsp || rule->rbp_at >= rule->cfa)))
        return PANDO_WALK_LINK_NONE;
    return PANDO_WALK_LINK_RBP_SAME + (rule->rbp_at != 0 ? row->rbp_words : 0u);
}

/* Goes from the current frame to its caller by `row`; false: walk->end says why not. */
static bool step_by_row(struct walker *walker, const struct pando_row *row, uint64_t lookup)
{
    struct pando_walk *walk = walker->walk;
    uint64_t *registers = walk->registers;
    struct rule rule = {.ra_reg = PANDO_ROW_RA_AT_CFA};
    uint64_t rip, rbp = registers[PANDO_WALK_RBP];
    walk->end = PANDO_WALK_END_NO_RULE;
    if (!rule_of_row(walker, row, lookup, &rule))
        return false;
    /* The return address was pushed at or above the stack pointer, so the CFA is above it. One in a register was popped. */
    bool in_register = rule.ra_reg != PANDO_ROW_RA_AT_CFA;
    uint64_t lowest = registers[PANDO_WALK_RSP] + (in_register ? 0 : 8);
    if (rule.cfa % 8 != 0 || rule.cfa < lowest || lowest < 8) {
        fail(walker, PANDO_WALK_END_BAD_STACK);
        return false;
    }
    if (in_register)
        rip = registers[rule.ra_reg];
    else if (!pando_walk_read(&walk->memory, rule.cfa - 8, &rip)) {
        fail(walker, PANDO_WALK_END_BAD_STACK);
        return false;
    }
    if (walker->place.trail != NULL)
        walker->link = link_of(walker, row, &rule);
    bool rbp_known = (walker->known & KNOWN_RBP) != 0 && !rule.rbp_lost;
    if (rule.rbp_at != 0 && !rule.rbp_lost)
        read_saved(walker, rule.rbp_at, &rbp, &rbp_known);
    walker->known &= KNOWN_RBX | KNOWN_RSP;
    walker->known |= rbp_known ? KNOWN_RBP : 0;
    if ((walker->known & KNOWN_RBX) != 0)
        follow_rbx(walker, walker->entry->rows, row, rule.cfa);
    registers[PANDO_WALK_RBP] = rbp;
    registers[PANDO_WALK_RSP] = rule.cfa;
    registers[PANDO_WALK_RIP] = rip;
    return true;
}

/* Code without rows for good: the frame-pointer chain, or a guess at a leaf. */
static enum step step_by_hand(struct walker *walker)
{
    struct pando_walk *walk = walker->walk;
    bool rbp_known = (walker->known & KNOWN_RBP) != 0;
    walker->known &= KNOWN_RBP | KNOWN_RSP;
    if (rbp_known && pando_walk_frame_pointer(walk))
        return STEP_HAND_FRAME_POINTER;
    if (walker->is_exact && pando_walk_guess_leaf(walk))
        return STEP_HAND_GUESS;
    fail(walker, PANDO_WALK_END_NO_RULE);
    return STEP_STOP;
}

/* Adds the current frame and goes to its caller. The registers are the caller's afterwards, or STEP_STOP. */
static enum step step(struct walker *walker)
{
    struct pando_walk *walk = walker->walk;
    const struct pando_object_entry *entry = walker->entry;
    uint64_t rip = walk->registers[PANDO_WALK_RIP];
    uint64_t lookup = rip - !walker->is_exact;
    uint64_t word = walker->is_exact ? rip | PANDO_SAMPLE_EXACT : rip;
    if (entry->rows == NULL) {
        pando_walk_add_frame(walk, word);
        if (entry->has_no_rows)
            return step_by_hand(walker);
        atomic_uint *wanted = &((struct pando_object_entry *)(uintptr_t)entry)->wanted;
        if (atomic_load_explicit(wanted, memory_order_relaxed) == 0)
            atomic_store_explicit(wanted, 1, memory_order_relaxed);
        fail(walker, PANDO_WALK_END_NO_ROWS);
        return STEP_STOP;
    }
    const struct pando_row *row = pando_rows_find(entry->rows, lookup - entry->bias);
    if (row != NULL && row->kind == PANDO_ROW_SIGNAL) {
        /* Its address is pushed by the kernel, not by a call: exact, though its row begins a byte before. */
        pando_walk_add_frame(walk, rip | PANDO_SAMPLE_EXACT);
        return leave_signal_frame(walker) ? STEP_SIGNAL : STEP_STOP;
    }
    pando_walk_add_frame(walk, word);
    if (row == NULL || row->kind == PANDO_ROW_NONE)
        return step_by_hand(walker);
    if (row->kind == PANDO_ROW_END) {
        pando_walk_trail_end(&walker->place);
        fail(walker, PANDO_WALK_END_OUTERMOST);
        return STEP_STOP;
    }
    return step_by_row(walker, row, lookup) ? STEP_ROW : STEP_STOP;
}

static void count_method(struct pando_walk *walk, enum step how)
{
    struct pando_sample_methods *methods = &walk->methods;
    if (how == STEP_HAND_GUESS) {
        methods->by_guess += methods->by_guess != UINT8_MAX;
        walk->flags |= PANDO_SAMPLE_GUESSED;
    } else if (how == STEP_HAND_FRAME_POINTER) {
        methods->by_frame_pointer += methods->by_frame_pointer != UINT16_MAX;
    } else {
        methods->by_row += methods->by_row != UINT16_MAX;
    }
}

/* Where the walk before has been too: on, as far as nothing has changed. */
static enum pando_walk_arrival follow_trail(struct walker *walker, enum step how)
{
    bool is_plain = !walker->is_exact && walker->known == KNOWN_PLAIN;
    uint32_t link = how == STEP_ROW ? walker->link : PANDO_WALK_LINK_NONE;
    enum pando_walk_arrival arrival = pando_walk_trail_arrive(&walker->place, walker->walk, is_plain, link);
    if (arrival != PANDO_WALK_ARRIVED)
        count_method(walker->walk, how);
    if (arrival == PANDO_WALK_ARRIVED_FURTHER)
        walker->entry = entry_of(walker, walker->walk->registers[PANDO_WALK_RIP] - 1);
    return arrival;
}

/* The caller's code, after a step. False: there is none, the walk is over. */
static bool enter_caller(struct walker *walker, enum step how)
{
    struct pando_walk *walk = walker->walk;
    uint64_t rip = walk->registers[PANDO_WALK_RIP];
    if (rip == 0 && how == STEP_ROW) { /* the mark that coroutine libraries and old runtimes leave at the end */
        fail(walker, PANDO_WALK_END_OUTERMOST);
        return false;
    }
    walker->is_exact = how == STEP_SIGNAL;
    enum pando_walk_arrival arrival = walker->place.trail != NULL ? follow_trail(walker, how) : PANDO_WALK_ARRIVED;
    if (arrival != PANDO_WALK_ARRIVED)
        return arrival == PANDO_WALK_ARRIVED_FURTHER;
    const struct pando_object_entry *entry = entry_of(walker, rip - !walker->is_exact);
    if (entry == NULL && walk->unknown_code != NULL)
        atomic_store_explicit(walk->unknown_code, 1, memory_order_relaxed);
    if (entry == NULL && (walk->unknown_code == NULL || !pando_walk_is_sane_code(rip))) {
        fail(walker, PANDO_WALK_END_BAD_CODE);
        return false;
    }
    count_method(walk, how);
    walker->entry = entry;
    if (entry != NULL)
        return true;
    pando_walk_add_frame(walk, walker->is_exact ? rip | PANDO_SAMPLE_EXACT : rip);
    fail(walker, PANDO_WALK_END_NO_ROWS);
    return false;
}

/* The first frame's code. False: in no mapping. */
static bool enter_first(struct walker *walker)
{
    struct pando_walk *walk = walker->walk;
    uint64_t rip = walk->registers[PANDO_WALK_RIP];
    if (walk->objects != NULL)
        walker->entry = pando_objects_find(walk->objects, rip - !walker->is_exact, pando_walk_trail_first_code(&walker->place));
    if (walker->entry != NULL) {
        pando_walk_trail_set_first_code(&walker->place, walker->entry);
        return true;
    }
    pando_walk_add_frame(walk, walker->is_exact ? rip | PANDO_SAMPLE_EXACT : rip);
    if (walk->unknown_code != NULL)
        atomic_store_explicit(walk->unknown_code, 1, memory_order_relaxed);
    bool maybe_new = walk->unknown_code != NULL && pando_walk_is_sane_code(rip);
    fail(walker, maybe_new ? PANDO_WALK_END_NO_ROWS : PANDO_WALK_END_BAD_CODE);
    return false;
}

void pando_walk_run(struct pando_walk *walk)
{
    struct walker walker = {
        .walk = walk,
        .known = walk->only_rsp_known ? KNOWN_RSP : walk->only_rbp_rsp_known ? KNOWN_RBP | KNOWN_RSP : KNOWN_ALL,
        .is_exact = !walk->is_return_address,
    };
    pando_walk_trail_begin(&walker.place, walk);
    walk->visited = walk->slot = 0;
    walk->flags = 0;
    walk->methods = (struct pando_sample_methods){0};
    if (enter_first(&walker)) {
        enum step how;
        do {
            if (walk->visited >= walk->visits_max) {
                fail(&walker, PANDO_WALK_END_TOO_DEEP);
                break;
            }
            how = step(&walker);
        } while (how != STEP_STOP && enter_caller(&walker, how));
    }
    finish(&walker);
}
