/* Why: collector/row_rules.h. Context: worker. */
#include "collector/row_rules.h"

#include <stdlib.h>

#include "base/error.h"
#include "collector/row_shape.h"

enum { RBX = PANDO_SHAPE_RBX, RBP = PANDO_SHAPE_RBP, RSP = PANDO_SHAPE_RSP, RIP = PANDO_SHAPE_RIP };

struct pando_row_rules {
    struct pando_shaper *shaper;
    int (*on_rule)(void *context, uint64_t from, uint64_t to, const struct pando_rule *rule);
    void *context;
    int stopped;                   /* what on_rule returned, if negative */
};

struct pando_row_rules *pando_row_rules_new(void)
{
    struct pando_row_rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL)
        return NULL;
    rules->shaper = pando_shaper_new();
    if (rules->shaper != NULL)
        return rules;
    free(rules);
    return NULL;
}

void pando_row_rules_free(struct pando_row_rules *rules)
{
    if (rules == NULL)
        return;
    pando_shaper_free(rules->shaper);
    free(rules);
}

void pando_row_rules_use(struct pando_row_rules *rules, const struct pando_unwind_image *image)
{
    pando_shaper_use(rules->shaper, image);
}

/* The linker's stubs: CFA = rsp + 8, from the eleventh byte of each sixteen on rsp + 16. */
static bool is_plt(struct pando_row_rules *rules, void *state)
{
    for (int low = 0; low < PANDO_SHAPE_VARIANTS; low++) {
        struct pando_shape shape = pando_shape_of(rules->shaper, state, low);
        int64_t cfa = low >= 11 ? 16 : 8;
        if (!shape.good || shape.cfa.base != RSP || shape.cfa.index != PANDO_SHAPE_NO_INDEX || shape.cfa.offset != cfa ||
            !pando_source_is_at(&shape.ra, RSP, cfa - 8) || shape.rbp.origin != PANDO_FROM_REGISTER ||
            shape.rbp.reg != RBP || !shape.rsp_is_cfa)
            return false;
    }
    return true;
}

/* Whether the state is the same rule whatever the registers' low bits and rip are. */
static bool is_certain(struct pando_row_rules *rules, void *state, const struct pando_shape *shape)
{
    for (int variant = 1; variant < PANDO_SHAPE_VARIANTS && shape->good && shape->has_expression; variant++) {
        struct pando_shape again = pando_shape_of(rules->shaper, state, variant);
        if (!pando_shape_same(shape, &again))
            return false;
    }
    return shape->good;
}

/* glibc's __restore_rt: everything is in the ucontext at rsp (offsets: sys/ucontext.h). */
static bool is_signal(const struct pando_shape *shape)
{
    return shape->cfa.base >= PANDO_SHAPE_WORDS && shape->cfa.offset == 0 && shape->cfa_word.base == RSP &&
           shape->cfa_word.offset == 160 && shape->cfa_word.index == PANDO_SHAPE_NO_INDEX &&
           pando_source_is_at(&shape->ra, RSP, 168) && pando_source_is_at(&shape->rbp, RSP, 120);
}

/* Whether it is in memory at a constant distance from `base`. */
static bool is_on(const struct pando_source *source, unsigned base)
{
    return source->origin == PANDO_FROM_MEMORY && source->place.base == base && source->place.index == PANDO_SHAPE_NO_INDEX;
}

static uint8_t rbx_of(const struct pando_shape *shape)
{
    int64_t down = shape->cfa.offset - shape->rbx.place.offset;
    if (shape->rbx.origin == PANDO_FROM_REGISTER && shape->rbx.reg == RBX)
        return PANDO_ROW_RBX_SAME;
    bool fits = down > 0 && down % 8 == 0 && down / 8 < PANDO_ROW_RBX_LOST;
    return fits && is_on(&shape->rbx, shape->cfa.base) ? (uint8_t)(down / 8) : PANDO_ROW_RBX_LOST;
}

/* Fills in where the caller's rbp is; true: as the row itself can say it. */
static bool put_rbp(const struct pando_shape *shape, struct pando_rule *rule)
{
    int64_t offset = shape->rbp.place.offset - shape->cfa.offset;
    if (shape->rbp.origin == PANDO_FROM_REGISTER && shape->rbp.reg == RBP) {
        rule->row.rbp = rule->extra.rbp = PANDO_ROW_RBP_SAME;
        return true;
    }
    rule->row.rbp = rule->extra.rbp = PANDO_ROW_RBP_LOST;
    if (is_on(&shape->rbp, shape->cfa.base)) {
        bool fits = offset <= 0 && offset % 8 == 0 && offset / -8 <= 511;
        rule->row.rbp = rule->extra.rbp = PANDO_ROW_RBP_AT_CFA;
        rule->row.rbp_words = fits ? (unsigned)(offset / -8) & 511 : 0;
        rule->extra.rbp_offset = (int32_t)offset;
        return fits;
    }
    if (is_on(&shape->rbp, RBP)) {
        rule->extra.rbp = PANDO_ROW_RBP_AT_RBP;
        rule->extra.rbp_offset = (int32_t)shape->rbp.place.offset;
        return false;
    }
    return true;
}

/* Turns a shape that is neither PLT nor signal into a rule; false: rows cannot hold it. */
static bool put_rule(const struct pando_shape *shape, struct pando_rule *rule)
{
    bool is_deref = shape->cfa.base >= PANDO_SHAPE_WORDS && shape->cfa.base != PANDO_SHAPE_NOWHERE;
    struct pando_place from = is_deref ? shape->cfa_word : shape->cfa;
    bool ra_at_cfa = pando_source_is_at(&shape->ra, shape->cfa.base, shape->cfa.offset - 8);
    bool ra_in_register = shape->ra.origin == PANDO_FROM_REGISTER && shape->ra.reg < RIP;
    if (!shape->good || !shape->rsp_is_cfa || from.base >= RIP || !(ra_at_cfa || ra_in_register) ||
        (from.index != PANDO_SHAPE_NO_INDEX && !is_deref))
        return false;
    bool row_holds_rbp = put_rbp(shape, rule);
    int64_t words = shape->cfa.offset / 8;
    rule->rbx = rbx_of(shape);
    bool is_plain = !is_deref && ra_at_cfa && row_holds_rbp && (from.base == RSP || from.base == RBP);
    if (is_plain && shape->cfa.offset % 8 == 0 && words >= -(1 << 17) && words < 1 << 17) {
        rule->row.kind = from.base == RSP ? PANDO_ROW_RSP : PANDO_ROW_RBP;
        rule->row.cfa_words = (uint32_t)words & ((1u << 18) - 1);
        return true;
    }
    rule->row = (struct pando_row){.kind = PANDO_ROW_EXTRA};
    rule->extra.reg = (uint8_t)from.base;
    rule->extra.is_deref = is_deref;
    rule->extra.index_reg = from.index == PANDO_SHAPE_NO_INDEX ? PANDO_ROW_NO_INDEX : (uint8_t)from.index;
    rule->extra.ra_reg = ra_at_cfa ? PANDO_ROW_RA_AT_CFA : (uint8_t)shape->ra.reg;
    rule->extra.offset = (int32_t)from.offset;
    rule->extra.add = is_deref ? (int32_t)shape->cfa.offset : 0;
    return true;
}

static struct pando_rule rule_of(struct pando_row_rules *rules, void *state)
{
    struct pando_rule rule = {.rbx = PANDO_ROW_RBX_LOST};
    struct pando_shape shape = pando_shape_of(rules->shaper, state, 0);
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
    struct pando_rule rule = rule_of(rules, state);
    int error = rules->on_rule(rules->context, from, to, &rule);
    if (error < 0)
        rules->stopped = error;
    return error < 0 ? -UNW_ESTOPUNWIND : 0;
}

int pando_row_rules_of(struct pando_row_rules *rules, uint64_t start, uint64_t entry,
                       int (*on_rule)(void *context, uint64_t from, uint64_t to, const struct pando_rule *rule), void *context)
{
    rules->on_rule = on_rule;
    rules->context = context;
    rules->stopped = 0;
    int result = pando_shaper_states(rules->shaper, start, entry, on_state, rules);
    if (rules->stopped != 0)
        return rules->stopped;
    if (pando_shaper_is_spent(rules->shaper))
        return PANDO_ERR_LIMIT;
    return result < 0 ? PANDO_ERR_SYNTAX : 0;
}
