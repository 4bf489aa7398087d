/* Why: collector/row_rules.h. Context: worker. */
#include "collector/row_rules.h"

#include <libunwind-x86_64.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Made-up addresses: 2^62 + n * 2^40, far from each other and from all real ones. n: a register, or from TOKENS on the nth word
 * of made-up memory that was read (its value is the address of nothing, so that a rule through memory shows). */
enum { BASE_SHIFT = 40, TOKENS = 64, READS_MAX = 64, TABLE = 255, REGISTERS = 17, RBX = 3, RBP = 6, RSP = 7, RIP = 16 };
enum { READS_PER_BYTE_MAX = 32, READS_SLACK = 1 << 20, VARIANTS = 16 };
#define MADE_UP (UINT64_C(1) << 62)

/* Exported by libunwind-x86_64 for those who bring their own address space (gdb does), but in no header. */
extern int _Ux86_64_dwarf_search_unwind_table(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *table,
                                              unw_proc_info_t *info, int need_unwind_info, void *arg);

/* Made-up frame `variant` has that number as the low digit of its rip. All but the first have low bits in the other registers
 * too, different for each, so that masks and alignments show (to words: libunwind reads those byte by byte that are not). */
static uint64_t value_of(unsigned number, int variant)
{
    uint64_t low = variant == 0 ? 0 : 0x5558u + number * 0x1110u;
    return MADE_UP + ((uint64_t)number << BASE_SHIFT) + low;
}

struct pando_row_rules {
    unw_addr_space_t space;
    unw_cursor_t frames[VARIANTS]; /* made-up ones */
    const struct pando_unwind_image *image;
    uint64_t start, entry;         /* of the function that is being asked about */
    uint64_t reads_left;
    bool in_frame;                 /* registers are those of a made-up frame, else of the start of the function */
    int variant;                   /* which one */
    /* What was read: */
    uint32_t registers_read;       /* bit r */
    bool image_read;
    unsigned read_count, last_read;
    bool memory_read;              /* made-up memory, that is */
    uint64_t reads[READS_MAX];     /* made-up addresses of words that were read since clear_notes */
    int (*on_rule)(void *context, uint64_t from, uint64_t to, const struct pando_rule *rule);
    void *context;
    int stopped;                   /* what on_rule returned, if negative */
};

static void clear_notes(struct pando_row_rules *rules)
{
    rules->registers_read = 0;
    rules->image_read = false;
    rules->read_count = 0;
}

/* ---- what libunwind asks ---- */

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int need, void *arg)
{
    struct pando_row_rules *rules = arg;
    unw_dyn_info_t table = {
        .start_ip = rules->image->code_start, .end_ip = rules->image->code_end, .format = UNW_INFO_FORMAT_REMOTE_TABLE,
        /* One entry, made up (see read_table_word): found without a search, whatever order the object's own table has. */
        .u.rti = {.segbase = rules->image->header, .table_len = 1, .table_data = value_of(TABLE, 0)},
    };
    if (ip < table.start_ip || ip >= table.end_ip)
        return -UNW_ENOINFO;
    return _Ux86_64_dwarf_search_unwind_table(space, ip, &table, info, need, arg);
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *arg)
{
    (void)space, (void)info, (void)arg;
}

static int no_dyn_info(unw_addr_space_t space, unw_word_t *list, void *arg)
{
    (void)space, (void)list, (void)arg;
    return -UNW_ENOINFO;
}

static uint64_t read_table_word(const struct pando_row_rules *rules)
{
    uint32_t start = (uint32_t)(rules->start - rules->image->header), entry = (uint32_t)(rules->entry - rules->image->header);
    return start | (uint64_t)entry << 32;
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write, void *arg)
{
    (void)space;
    struct pando_row_rules *rules = arg;
    const struct pando_cfi_bytes *frame = &rules->image->frame;
    if (write || rules->reads_left == 0)
        return -UNW_EINVAL;
    rules->reads_left--;
    uint64_t from = frame->address & ~UINT64_C(7);
    if (address - from < frame->address + frame->len_bytes - from) {
        rules->image_read = true;
        uint64_t word = 0;
        if (address >= frame->address) /* the copy has a word more than the frame */
            memcpy(&word, frame->bytes + (address - frame->address), sizeof word);
        else
            memcpy((uint8_t *)&word + (frame->address - address), frame->bytes, sizeof word - (frame->address - address));
        *value = word;
        return 0;
    }
    if (address == value_of(TABLE, 0)) {
        *value = read_table_word(rules);
    } else if (address >= MADE_UP) {
        unsigned number = 0; /* the same word always has the same value: expressions read it byte by byte */
        while (number < rules->read_count && rules->reads[number] != address)
            number++;
        if (number == READS_MAX)
            return -UNW_EINVAL;
        if (number == rules->read_count)
            rules->reads[rules->read_count++] = address;
        rules->last_read = number;
        rules->memory_read = true;
        *value = value_of(TOKENS + number, rules->variant);
    } else {
        *value = 0; /* the personality routine's address: nobody looks at it */
    }
    return 0;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write, void *arg)
{
    (void)space;
    struct pando_row_rules *rules = arg;
    if (write || number < 0 || number >= REGISTERS)
        return -UNW_EBADREG;
    rules->registers_read |= UINT32_C(1) << number;
    *value = value_of((unsigned)number, rules->variant);
    if (number == RIP)
        *value = rules->in_frame ? value_of(RIP, 0) + (unsigned)rules->variant : rules->start;
    return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write, void *arg)
{
    (void)space, (void)number, (void)value, (void)write, (void)arg;
    return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
    (void)space, (void)cursor, (void)arg;
    return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t space, unw_word_t address, char *name, size_t len, unw_word_t *offset, void *arg)
{
    (void)space, (void)address, (void)name, (void)len, (void)offset, (void)arg;
    return -UNW_ENOINFO;
}

struct pando_row_rules *pando_row_rules_new(void)
{
    static unw_accessors_t accessors = {find_proc_info, put_unwind_info, no_dyn_info, access_mem,
                                        access_reg,     access_fpreg,    no_resume,   no_name};
    struct pando_row_rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL)
        return NULL;
    rules->space = unw_create_addr_space(&accessors, 0);
    bool good = rules->space != NULL;
    if (good)
        unw_set_caching_policy(rules->space, UNW_CACHE_NONE);
    rules->in_frame = true;
    for (rules->variant = 0; good && rules->variant < VARIANTS; rules->variant++)
        good = unw_init_remote(&rules->frames[rules->variant], rules->space, rules) == 0;
    if (good)
        return rules;
    pando_row_rules_free(rules);
    return NULL;
}

void pando_row_rules_free(struct pando_row_rules *rules)
{
    if (rules == NULL)
        return;
    if (rules->space != NULL)
        unw_destroy_addr_space(rules->space);
    free(rules);
}

void pando_row_rules_use(struct pando_row_rules *rules, const struct pando_unwind_image *image)
{
    rules->image = image;
    rules->reads_left = image->frame.len_bytes * READS_PER_BYTE_MAX + READS_SLACK;
}

/* ---- what the answer shows ---- */

/* An address as base + offset: base is a register's number, or TOKENS + n, or NOWHERE. */
enum { NOWHERE = 1000 };
struct place {
    unsigned base;
    int64_t offset;
};

static struct place place_of(uint64_t address, int variant)
{
    uint64_t number = (address - MADE_UP + (UINT64_C(1) << (BASE_SHIFT - 1))) >> BASE_SHIFT;
    if (address < MADE_UP - (UINT64_C(1) << (BASE_SHIFT - 1)) || number >= TABLE)
        return (struct place){.base = NOWHERE};
    int64_t offset = (int64_t)(address - value_of((unsigned)number, variant));
    if (offset < INT32_MIN / 2 || offset > INT32_MAX / 2)
        return (struct place){.base = NOWHERE};
    return (struct place){.base = (unsigned)number, .offset = offset};
}

/* Where a register's value comes from. */
enum origin { FROM_NOWHERE, FROM_MEMORY, FROM_REGISTER };
struct source {
    enum origin origin;
    unsigned reg;         /* FROM_REGISTER */
    struct place place;   /* FROM_MEMORY */
};

struct shape {
    bool good;
    struct place cfa;
    struct place cfa_word;    /* if cfa.base is a token: where that word is */
    struct source ra, rbp, rbx;
    bool is_end;              /* no return address */
    bool rsp_is_cfa;          /* no rule of its own for rsp */
    bool has_expression;
};

static struct source source_of(struct pando_row_rules *rules, unw_cursor_t *cursor, int number)
{
    unw_word_t value;
    struct source source = {.origin = FROM_NOWHERE};
    rules->registers_read = 0;
    rules->memory_read = false;
    if (unw_get_reg(cursor, number, &value) < 0)
        return source;
    if (rules->memory_read) {
        source.origin = FROM_MEMORY;
        source.place = place_of(rules->reads[rules->last_read], rules->variant);
    } else if (rules->registers_read != 0) {
        source.origin = FROM_REGISTER;
        source.reg = (unsigned)__builtin_ctz(rules->registers_read);
    }
    return source;
}

/* unw_get_reg has the return address at hand and reads nothing: its value shows where it was read. */
static struct source return_address_of(const struct pando_row_rules *rules, uint64_t value)
{
    struct place place = place_of(value, rules->variant);
    struct source source = {.origin = FROM_NOWHERE};
    if (place.offset != 0 || place.base == NOWHERE)
        return source;
    if (place.base < TOKENS) {
        source.origin = FROM_REGISTER;
        source.reg = place.base;
    } else if (place.base - TOKENS < rules->read_count) {
        source.origin = FROM_MEMORY;
        source.place = place_of(rules->reads[place.base - TOKENS], rules->variant);
    }
    return source;
}

/* Applies `state` to made-up frame `variant`. */
static struct shape shape_of(struct pando_row_rules *rules, void *state, int variant)
{
    struct shape shape = {.good = false};
    unw_cursor_t cursor = rules->frames[variant];
    unw_word_t cfa, ip;
    unw_save_loc_t rsp, ra;
    rules->variant = variant;
    clear_notes(rules);
    if (unw_apply_reg_state(&cursor, state) < 0 || unw_get_reg(&cursor, UNW_REG_SP, &cfa) < 0 ||
        unw_get_reg(&cursor, UNW_REG_IP, &ip) < 0 || unw_get_save_loc(&cursor, UNW_X86_64_RSP, &rsp) < 0 ||
        unw_get_save_loc(&cursor, UNW_X86_64_RIP, &ra) < 0)
        return shape;
    shape.has_expression = rules->image_read;
    shape.rsp_is_cfa = rsp.type == UNW_SLT_REG && rsp.u.regnum == UNW_X86_64_RSP;
    shape.cfa = place_of(cfa, variant);
    if (shape.cfa.base >= TOKENS && shape.cfa.base < TOKENS + rules->read_count)
        shape.cfa_word = place_of(rules->reads[shape.cfa.base - TOKENS], variant);
    shape.is_end = ra.type == UNW_SLT_NONE;
    shape.ra = return_address_of(rules, ip);
    shape.rbp = source_of(rules, &cursor, UNW_X86_64_RBP);
    shape.rbx = source_of(rules, &cursor, UNW_X86_64_RBX);
    shape.good = true;
    return shape;
}

static bool is_at(const struct source *source, unsigned base, int64_t offset)
{
    return source->origin == FROM_MEMORY && source->place.base == base && source->place.offset == offset;
}

static bool same_place(struct place a, struct place b)
{
    return a.base == b.base && a.offset == b.offset;
}

static bool same_source(const struct source *a, const struct source *b)
{
    return a->origin == b->origin && a->reg == b->reg && same_place(a->place, b->place);
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
    return a->good == b->good && same_place(a->cfa, b->cfa) && same_place(a->cfa_word, b->cfa_word) &&
           same_source(&a->ra, &b->ra) && same_source(&a->rbp, &b->rbp) && same_source(&a->rbx, &b->rbx) &&
           a->is_end == b->is_end && a->rsp_is_cfa == b->rsp_is_cfa;
}

/* The linker's stubs: CFA = rsp + 8, from the eleventh byte of each sixteen on rsp + 16. */
static bool is_plt(struct pando_row_rules *rules, void *state)
{
    for (int low = 0; low < VARIANTS; low++) {
        struct shape shape = shape_of(rules, state, low);
        int64_t cfa = low >= 11 ? 16 : 8;
        if (!shape.good || shape.cfa.base != RSP || shape.cfa.offset != cfa || !is_at(&shape.ra, RSP, cfa - 8) ||
            shape.rbp.origin != FROM_REGISTER || shape.rbp.reg != RBP || !shape.rsp_is_cfa)
            return false;
    }
    return true;
}

/* Whether the state is the same rule whatever the registers' low bits and rip are. */
static bool is_certain(struct pando_row_rules *rules, void *state, const struct shape *shape)
{
    for (int variant = 1; variant < VARIANTS && shape->good && shape->has_expression; variant++) {
        struct shape again = shape_of(rules, state, variant);
        if (!same_shape(shape, &again))
            return false;
    }
    return shape->good;
}

/* glibc's __restore_rt: everything is in the ucontext at rsp (offsets: sys/ucontext.h). */
static bool is_signal(const struct shape *shape)
{
    return shape->cfa.base >= TOKENS && shape->cfa.offset == 0 && shape->cfa_word.base == RSP &&
           shape->cfa_word.offset == 160 && is_at(&shape->ra, RSP, 168) && is_at(&shape->rbp, RSP, 120);
}

static uint8_t rbx_of(const struct shape *shape)
{
    int64_t down = shape->cfa.offset - shape->rbx.place.offset;
    if (shape->rbx.origin == FROM_REGISTER && shape->rbx.reg == RBX)
        return PANDO_ROW_RBX_SAME;
    if (shape->rbx.origin != FROM_MEMORY || shape->rbx.place.base != shape->cfa.base || down <= 0 || down % 8 != 0 ||
        down / 8 >= PANDO_ROW_RBX_LOST)
        return PANDO_ROW_RBX_LOST;
    return (uint8_t)(down / 8);
}

/* Fills in where the caller's rbp is; true: as the row itself can say it. */
static bool put_rbp(const struct shape *shape, struct pando_rule *rule)
{
    int64_t offset = shape->rbp.place.offset - shape->cfa.offset;
    if (shape->rbp.origin == FROM_REGISTER && shape->rbp.reg == RBP) {
        rule->row.rbp = rule->extra.rbp = PANDO_ROW_RBP_SAME;
        return true;
    }
    rule->row.rbp = rule->extra.rbp = PANDO_ROW_RBP_LOST;
    if (shape->rbp.origin != FROM_MEMORY)
        return true;
    if (shape->rbp.place.base == shape->cfa.base) {
        bool fits = offset <= 0 && offset % 8 == 0 && offset / -8 <= 511;
        rule->row.rbp = rule->extra.rbp = PANDO_ROW_RBP_AT_CFA;
        rule->row.rbp_words = fits ? (unsigned)(offset / -8) & 511 : 0;
        rule->extra.rbp_offset = (int32_t)offset;
        return fits;
    }
    if (shape->rbp.place.base == RBP) {
        rule->extra.rbp = PANDO_ROW_RBP_AT_RBP;
        rule->extra.rbp_offset = (int32_t)shape->rbp.place.offset;
        return false;
    }
    return true;
}

/* Turns a shape that is neither PLT nor signal into a rule; false: rows cannot hold it. */
static bool put_rule(const struct shape *shape, struct pando_rule *rule)
{
    bool is_deref = shape->cfa.base >= TOKENS && shape->cfa.base != NOWHERE;
    struct place from = is_deref ? shape->cfa_word : shape->cfa;
    bool ra_at_cfa = is_at(&shape->ra, shape->cfa.base, shape->cfa.offset - 8);
    bool ra_in_register = shape->ra.origin == FROM_REGISTER && shape->ra.reg < RIP;
    if (!shape->good || !shape->rsp_is_cfa || from.base >= RIP || !(ra_at_cfa || ra_in_register))
        return false;
    bool row_holds_rbp = put_rbp(shape, rule);
    int64_t words = shape->cfa.offset / 8;
    rule->rbx = rbx_of(shape);
    if (!is_deref && ra_at_cfa && row_holds_rbp && (from.base == RSP || from.base == RBP) && shape->cfa.offset % 8 == 0 &&
        words >= -(1 << 17) && words < 1 << 17) {
        rule->row.kind = from.base == RSP ? PANDO_ROW_RSP : PANDO_ROW_RBP;
        rule->row.cfa_words = (uint32_t)words & ((1u << 18) - 1);
        return true;
    }
    rule->row = (struct pando_row){.kind = PANDO_ROW_EXTRA};
    rule->extra.reg = (uint8_t)from.base;
    rule->extra.is_deref = is_deref;
    rule->extra.ra_reg = ra_at_cfa ? PANDO_ROW_RA_AT_CFA : (uint8_t)shape->ra.reg;
    rule->extra.offset = (int32_t)from.offset;
    rule->extra.add = is_deref ? (int32_t)shape->cfa.offset : 0;
    return true;
}

static struct pando_rule rule_of(struct pando_row_rules *rules, void *state)
{
    struct pando_rule rule = {.rbx = PANDO_ROW_RBX_LOST};
    struct shape shape = shape_of(rules, state, 0);
    if (shape.good && shape.is_end) {
        rule.row.kind = PANDO_ROW_END;
        return rule;
    }
    bool certain = is_certain(rules, state, &shape);
    if (!certain && shape.good && is_plt(rules, state)) {
        rule.row.kind = PANDO_ROW_PLT;
        rule.rbx = PANDO_ROW_RBX_SAME;
        return rule;
    }
    if (certain && is_signal(&shape))
        rule.row.kind = PANDO_ROW_SIGNAL;
    else if (!certain || !put_rule(&shape, &rule))
        rule = (struct pando_rule){.rbx = PANDO_ROW_RBX_LOST, .not_held = true};
    return rule;
}

static int on_state(void *token, void *state, size_t state_bytes, unw_word_t from, unw_word_t to)
{
    (void)state_bytes;
    struct pando_row_rules *rules = token;
    rules->in_frame = true;
    struct pando_rule rule = rule_of(rules, state);
    rules->in_frame = false;
    int error = rules->on_rule(rules->context, from, to, &rule);
    if (error < 0)
        rules->stopped = error;
    return error < 0 ? -UNW_ESTOPUNWIND : 0;
}

int pando_row_rules_of(struct pando_row_rules *rules, uint64_t start, uint64_t entry,
                       int (*on_rule)(void *context, uint64_t from, uint64_t to, const struct pando_rule *rule), void *context)
{
    unw_cursor_t cursor;
    rules->start = start;
    rules->entry = entry;
    rules->on_rule = on_rule;
    rules->context = context;
    rules->stopped = 0;
    rules->in_frame = false;
    rules->variant = 0;
    int result = unw_init_remote(&cursor, rules->space, rules);
    if (result == 0)
        result = unw_reg_states_iterate(&cursor, on_state, rules);
    if (rules->stopped != 0)
        return rules->stopped;
    if (rules->reads_left == 0)
        return PANDO_ERR_LIMIT;
    return result < 0 ? PANDO_ERR_SYNTAX : 0;
}
