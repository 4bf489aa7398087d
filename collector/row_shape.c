/* Why: collector/row_shape.h. Context: worker. */
#include "collector/row_shape.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Made-up addresses: 2^62 + (n + 1) * 2^40, far from each other and from all real ones. n: a register; from WORDS on the nth word
 * of made-up memory that was read (its value is the address of nothing, so that a rule through memory shows); or TABLE. 8 * 2^62
 * is 0, so that rsp + 8 * register has a number of its own too: 7 + 8 * (n + 1). */
enum { BASE_SHIFT = 40, TABLE = 200, INDEX_SCALE = 8 };
enum { READS_PER_BYTE_MAX = 32, READS_SLACK = 1 << 20 };
#define MADE_UP (UINT64_C(1) << 62)

/* Exported by libunwind-x86_64 for those who bring their own address space (gdb does), but in no header. */
extern int _Ux86_64_dwarf_search_unwind_table(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *table,
                                              unw_proc_info_t *info, int need_unwind_info, void *arg);

static uint64_t value_of(unsigned number, int variant)
{
    uint64_t low = variant == 0 ? 0 : 0x5558u + number * 0x1110u;
    return MADE_UP + ((uint64_t)(number + 1) << BASE_SHIFT) + low;
}

struct pando_shaper {
    unw_addr_space_t space;
    unw_cursor_t frames[PANDO_SHAPE_VARIANTS]; /* made-up ones */
    const struct pando_unwind_image *image;
    uint64_t start, entry;         /* of the function that is being asked about */
    uint64_t reads_left;
    bool in_frame;                 /* registers are those of a made-up frame, else of the start of the function */
    int variant;                   /* which one */
    /* What was read: */
    uint32_t registers_read;       /* bit r */
    bool image_read;
    bool memory_read;              /* made-up memory, that is */
    unsigned word_count, last_word;
    uint64_t words[PANDO_SHAPE_WORDS_MAX]; /* made-up addresses of words that were read since clear_notes */
};

static void clear_notes(struct pando_shaper *shaper)
{
    shaper->registers_read = 0;
    shaper->image_read = false;
    shaper->memory_read = false;
    shaper->word_count = 0;
}

/* ---- what libunwind asks ---- */

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int need, void *arg)
{
    struct pando_shaper *shaper = arg;
    unw_dyn_info_t table = {
        .start_ip = shaper->image->code_start, .end_ip = shaper->image->code_end, .format = UNW_INFO_FORMAT_REMOTE_TABLE,
        /* One entry, made up (see read_table_word): found without a search, whatever order the object's own table has. */
        .u.rti = {.segbase = shaper->image->header, .table_len = 1, .table_data = value_of(TABLE, 0)},
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

static uint64_t read_table_word(const struct pando_shaper *shaper)
{
    uint32_t start = (uint32_t)(shaper->start - shaper->image->header), entry = (uint32_t)(shaper->entry - shaper->image->header);
    return start | (uint64_t)entry << 32;
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write, void *arg)
{
    (void)space;
    struct pando_shaper *shaper = arg;
    const struct pando_cfi_bytes *frame = &shaper->image->frame;
    if (write || shaper->reads_left == 0)
        return -UNW_EINVAL;
    shaper->reads_left--;
    uint64_t from = frame->address & ~UINT64_C(7);
    if (address - from < frame->address + frame->len_bytes - from) {
        shaper->image_read = true;
        uint64_t word = 0;
        if (address >= frame->address) /* the copy has a word more than the frame */
            memcpy(&word, frame->bytes + (address - frame->address), sizeof word);
        else
            memcpy((uint8_t *)&word + (frame->address - address), frame->bytes, sizeof word - (frame->address - address));
        *value = word;
        return 0;
    }
    if (address == value_of(TABLE, 0)) {
        *value = read_table_word(shaper);
    } else if (address >= MADE_UP) {
        unsigned number = 0; /* the same word always has the same value: expressions read it byte by byte */
        while (number < shaper->word_count && shaper->words[number] != address)
            number++;
        if (number == PANDO_SHAPE_WORDS_MAX)
            return -UNW_EINVAL;
        if (number == shaper->word_count)
            shaper->words[shaper->word_count++] = address;
        shaper->last_word = number;
        shaper->memory_read = true;
        *value = value_of(PANDO_SHAPE_WORDS + number, shaper->variant);
    } else {
        *value = 0; /* the personality routine's address: nobody looks at it */
    }
    return 0;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write, void *arg)
{
    (void)space;
    struct pando_shaper *shaper = arg;
    if (write || number < 0 || number >= PANDO_SHAPE_REGISTERS)
        return -UNW_EBADREG;
    shaper->registers_read |= UINT32_C(1) << number;
    *value = value_of((unsigned)number, shaper->variant);
    if (number == PANDO_SHAPE_RIP)
        *value = shaper->in_frame ? value_of(PANDO_SHAPE_RIP, 0) + (unsigned)shaper->variant : shaper->start;
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

struct pando_shaper *pando_shaper_new(void)
{
    static unw_accessors_t accessors = {find_proc_info, put_unwind_info, no_dyn_info, access_mem,
                                        access_reg,     access_fpreg,    no_resume,   no_name};
    struct pando_shaper *shaper = calloc(1, sizeof *shaper);
    if (shaper == NULL)
        return NULL;
    shaper->space = unw_create_addr_space(&accessors, 0);
    bool good = shaper->space != NULL;
    if (good)
        unw_set_caching_policy(shaper->space, UNW_CACHE_NONE);
    shaper->in_frame = true;
    for (shaper->variant = 0; good && shaper->variant < PANDO_SHAPE_VARIANTS; shaper->variant++)
        good = unw_init_remote(&shaper->frames[shaper->variant], shaper->space, shaper) == 0;
    shaper->in_frame = false;
    if (good)
        return shaper;
    pando_shaper_free(shaper);
    return NULL;
}

void pando_shaper_free(struct pando_shaper *shaper)
{
    if (shaper == NULL)
        return;
    if (shaper->space != NULL)
        unw_destroy_addr_space(shaper->space);
    free(shaper);
}

void pando_shaper_use(struct pando_shaper *shaper, const struct pando_unwind_image *image)
{
    shaper->image = image;
    shaper->reads_left = image->frame.len_bytes * READS_PER_BYTE_MAX + READS_SLACK;
}

bool pando_shaper_is_spent(const struct pando_shaper *shaper)
{
    return shaper->reads_left == 0;
}

int pando_shaper_states(struct pando_shaper *shaper, uint64_t start, uint64_t entry, unw_reg_states_callback on_state,
                        void *token)
{
    unw_cursor_t cursor;
    shaper->start = start;
    shaper->entry = entry;
    shaper->in_frame = false;
    shaper->variant = 0;
    int error = unw_init_remote(&cursor, shaper->space, shaper);
    return error != 0 ? error : unw_reg_states_iterate(&cursor, on_state, token);
}

/* ---- what the answer shows ---- */

static struct pando_place place_of(uint64_t address, int variant)
{
    struct pando_place place = {.base = PANDO_SHAPE_NOWHERE, .index = PANDO_SHAPE_NO_INDEX};
    uint64_t number = (address - MADE_UP - (UINT64_C(1) << (BASE_SHIFT - 1))) >> BASE_SHIFT;
    if (address < MADE_UP || number >= TABLE)
        return place;
    uint64_t from = value_of((unsigned)number, variant);
    unsigned base = (unsigned)number, index = PANDO_SHAPE_NO_INDEX;
    if (number >= PANDO_SHAPE_REGISTERS && number < PANDO_SHAPE_WORDS) {
        unsigned scaled = (unsigned)number - PANDO_SHAPE_RSP;
        if (scaled % INDEX_SCALE != 0)
            return place;
        base = PANDO_SHAPE_RSP;
        index = scaled / INDEX_SCALE - 1;
        from = value_of(base, variant) + INDEX_SCALE * value_of(index, variant);
    }
    int64_t offset = (int64_t)(address - from);
    if (offset < INT32_MIN / 2 || offset > INT32_MAX / 2)
        return place;
    return (struct pando_place){.base = base, .index = index, .offset = offset};
}

static struct pando_source source_of(struct pando_shaper *shaper, unw_cursor_t *cursor, int number)
{
    unw_word_t value;
    struct pando_source source = {.origin = PANDO_FROM_NOWHERE};
    shaper->registers_read = 0;
    shaper->memory_read = false;
    if (unw_get_reg(cursor, number, &value) < 0)
        return source;
    if (shaper->memory_read) {
        source.origin = PANDO_FROM_MEMORY;
        source.place = place_of(shaper->words[shaper->last_word], shaper->variant);
    } else if (shaper->registers_read != 0) {
        source.origin = PANDO_FROM_REGISTER;
        source.reg = (unsigned)__builtin_ctz(shaper->registers_read);
    }
    return source;
}

/* unw_get_reg has the return address at hand and reads nothing: its value shows where it was read. */
static struct pando_source return_address_of(const struct pando_shaper *shaper, uint64_t value)
{
    struct pando_place place = place_of(value, shaper->variant);
    struct pando_source source = {.origin = PANDO_FROM_NOWHERE};
    if (place.offset != 0 || place.base == PANDO_SHAPE_NOWHERE)
        return source;
    if (place.base < PANDO_SHAPE_WORDS) {
        source.origin = PANDO_FROM_REGISTER;
        source.reg = place.base;
    } else if (place.base - PANDO_SHAPE_WORDS < shaper->word_count) {
        source.origin = PANDO_FROM_MEMORY;
        source.place = place_of(shaper->words[place.base - PANDO_SHAPE_WORDS], shaper->variant);
    }
    return source;
}

struct pando_shape pando_shape_of(struct pando_shaper *shaper, void *state, int variant)
{
    struct pando_shape shape = {.good = false};
    unw_cursor_t cursor = shaper->frames[variant];
    unw_word_t cfa, ip;
    unw_save_loc_t rsp, ra;
    shaper->variant = variant;
    shaper->in_frame = true;
    clear_notes(shaper);
    if (unw_apply_reg_state(&cursor, state) < 0 || unw_get_reg(&cursor, UNW_REG_SP, &cfa) < 0 ||
        unw_get_reg(&cursor, UNW_REG_IP, &ip) < 0 || unw_get_save_loc(&cursor, UNW_X86_64_RSP, &rsp) < 0 ||
        unw_get_save_loc(&cursor, UNW_X86_64_RIP, &ra) < 0)
        return shape;
    shape.has_expression = shaper->image_read;
    shape.rsp_is_cfa = rsp.type == UNW_SLT_REG && rsp.u.regnum == UNW_X86_64_RSP;
    shape.cfa = place_of(cfa, variant);
    if (shape.cfa.base >= PANDO_SHAPE_WORDS && shape.cfa.base < PANDO_SHAPE_WORDS + shaper->word_count)
        shape.cfa_word = place_of(shaper->words[shape.cfa.base - PANDO_SHAPE_WORDS], variant);
    shape.is_end = ra.type == UNW_SLT_NONE;
    shape.ra = return_address_of(shaper, ip);
    shape.rbp = source_of(shaper, &cursor, UNW_X86_64_RBP);
    shape.rbx = source_of(shaper, &cursor, UNW_X86_64_RBX);
    shape.good = true;
    return shape;
}

static bool same_place(struct pando_place a, struct pando_place b)
{
    return a.base == b.base && a.index == b.index && a.offset == b.offset;
}

static bool same_source(const struct pando_source *a, const struct pando_source *b)
{
    return a->origin == b->origin && a->reg == b->reg && same_place(a->place, b->place);
}

bool pando_shape_same(const struct pando_shape *a, const struct pando_shape *b)
{
    return a->good == b->good && same_place(a->cfa, b->cfa) && same_place(a->cfa_word, b->cfa_word) &&
           same_source(&a->ra, &b->ra) && same_source(&a->rbp, &b->rbp) && same_source(&a->rbx, &b->rbx) &&
           a->is_end == b->is_end && a->rsp_is_cfa == b->rsp_is_cfa;
}
