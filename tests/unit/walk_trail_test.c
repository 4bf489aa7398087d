// link: pando_walker pando_exchange pando_base
/* The trail against a walk without one, on the same stack: whatever has changed since the walks before, both must find the same. Stacks
 * are made up by a table of functions of all kinds, and then changed as programs change them: other calls at the inner end, other
 * callers of the same callee, a word here and there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/walk_trail.h"
#include "agent/walker.h"

enum { FUNCTIONS = 12, FUNCTION_BYTES = 256, STACK_WORDS = 8192, FRAMES_MAX = 700, CODE = 0x400000, CALLS_MAX = 600 };
static const uint64_t STACK = 0x7fff0000;

/* What a function's row says, and how a call of it looks on the stack. */
static struct pando_row rows_made[FUNCTIONS] = {
    {.kind = PANDO_ROW_END},
    {.kind = PANDO_ROW_RSP, .cfa_words = 1},
    {.kind = PANDO_ROW_RSP, .cfa_words = 3},
    {.kind = PANDO_ROW_RSP, .cfa_words = 4, .rbp = PANDO_ROW_RBP_AT_CFA, .rbp_words = 2},
    {.kind = PANDO_ROW_RSP, .cfa_words = 6, .rbp = PANDO_ROW_RBP_AT_CFA, .rbp_words = 5},
    {.kind = PANDO_ROW_RBP, .cfa_words = 2, .rbp = PANDO_ROW_RBP_AT_CFA, .rbp_words = 2},
    {.kind = PANDO_ROW_RBP, .cfa_words = 2, .rbp = PANDO_ROW_RBP_AT_CFA, .rbp_words = 2},
    {.kind = PANDO_ROW_RSP, .cfa_words = 2, .rbp = PANDO_ROW_RBP_LOST},
    {.kind = PANDO_ROW_EXTRA, .cfa_words = 0},
    {.kind = PANDO_ROW_PLT},
    {.kind = PANDO_ROW_NONE},
    {.kind = PANDO_ROW_RSP, .cfa_words = 5, .rbp = PANDO_ROW_RBP_AT_CFA, .rbp_words = 7}, /* below its rsp: never plain */
};
static const uint32_t words_of[FUNCTIONS] = {0, 1, 3, 4, 6, 5, 9, 2, 4, 1, 2, 5};
static struct pando_row_extra extra = {.reg = 7, .offset = 32, .ra_reg = PANDO_ROW_RA_AT_CFA, .index_reg = PANDO_ROW_NO_INDEX};
static uint32_t blocks_made[FUNCTIONS];
static struct pando_rows table = {.length_bytes = FUNCTIONS * FUNCTION_BYTES, .row_count = FUNCTIONS, .block_count = FUNCTIONS,
                                  .extra_count = 1, .blocks = blocks_made, .rows = rows_made, .extras = &extra};
static struct {
    struct pando_object_list list;
    struct pando_object_entry entry;
} made = {.list = {.serial = 1, .count = 1},
          .entry = {.start = CODE, .end = CODE + FUNCTIONS * FUNCTION_BYTES, .bias = CODE, .rows = &table}};

static uint64_t stack[STACK_WORDS], frames[FRAMES_MAX], other_frames[FRAMES_MAX];
static struct pando_walk_trail trail;
static atomic_uint unknown_code;
static uint64_t random_state = 88172645463325252u;

static unsigned below(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % limit;
}

/* The calls that are under way, outermost first, and the state of the innermost. */
static struct call {
    uint32_t function, at;  /* where in the function it is */
    uint64_t rsp, rbp;      /* in it */
} calls[CALLS_MAX];
static uint32_t call_count;

static uint64_t *word(uint64_t address)
{
    return &stack[(address - STACK) / 8];
}

/* Calls a function: its caller goes on at `caller->at`. */
static bool call(uint32_t function)
{
    struct call *caller = &calls[call_count - 1], *callee = &calls[call_count];
    uint32_t words = words_of[function];
    if (call_count == CALLS_MAX || caller->rsp < STACK + (words + 16) * 8)
        return false;
    uint64_t cfa = caller->rsp;
    callee->function = function;
    callee->at = function * FUNCTION_BYTES + 1 + below(4) * 16;
    callee->rsp = cfa - words * 8;
    callee->rbp = caller->rbp;
    *word(cfa - 8) = CODE + caller->at;
    const struct pando_row *row = &rows_made[function];
    if (row->rbp == PANDO_ROW_RBP_AT_CFA) {
        *word(cfa - row->rbp_words * 8) = caller->rbp;
        callee->rbp = row->kind == PANDO_ROW_RBP ? cfa - 16 : below(3); /* or it has some other use for it */
    }
    call_count++;
    return true;
}

static uint32_t any_function(void)
{
    return below(40) == 0 ? 7 + below(5) : 1 + below(6);
}

static void begin_stack(void)
{
    calls[0] = (struct call){.at = 1, .rsp = STACK + (STACK_WORDS - 2 - below(3)) * 8};
    call_count = 1;
}

/* What a program does between two samples. */
static void live(unsigned depth_max)
{
    unsigned returns = below(3) == 0 ? below(call_count + 1) : below(4);
    while (returns-- > 0 && call_count > 1)
        call_count--;
    if (call_count == 1)
        begin_stack();
    calls[call_count - 1].at = calls[call_count - 1].function * FUNCTION_BYTES + 1 + below(4) * 16;
    for (unsigned more = below(4) == 0 ? below(depth_max) : below(6); more > 0 && call_count < depth_max; more--)
        call(any_function());
}

/* An outer frame goes on elsewhere, as when it is another one of the same size; or damage. */
static void change_words(void)
{
    for (unsigned times = below(3); times > 0; times--) {
        uint32_t which = 1 + below(call_count);
        if (which < call_count && calls[which - 1].function != 0)
            *word(calls[which - 1].rsp - 8) = CODE + any_function() * FUNCTION_BYTES + 1 + below(4) * 16;
    }
    if (below(4) == 0) {
        uint64_t rsp = calls[call_count - 1].rsp;
        *word(rsp + below((unsigned)((STACK + sizeof stack - rsp) / 8)) * 8) = below(2) ? random_state : rsp + below(400) * 8;
    }
}

static struct pando_walk walk_of(uint32_t frames_max, uint32_t visits_max)
{
    const struct call *innermost = &calls[call_count - 1];
    struct pando_walk walk = {
        .objects = &made.list, .unknown_code = &unknown_code, .frames = frames, .frames_max = frames_max, .visits_max = visits_max,
        .memory = {.low = innermost->rsp > STACK + 128 ? innermost->rsp - 128 : STACK, .high = STACK + sizeof stack,
                   .shift = (int64_t)((uint64_t)(uintptr_t)stack - STACK)},
    };
    walk.registers[PANDO_WALK_RIP] = CODE + innermost->at;
    walk.registers[PANDO_WALK_RSP] = innermost->rsp;
    walk.registers[PANDO_WALK_RBP] = innermost->rbp;
    return walk;
}

/* Both ways; returns how many steps the trail knew. */
static uint32_t walk_both(uint32_t frames_max, uint32_t visits_max)
{
    struct pando_walk walk = walk_of(frames_max, visits_max), other = walk;
    other.trail = &trail;
    other.frames = other_frames;
    pando_walk_run(&walk);
    pando_walk_run(&other);
    assert_int_equal(other.end, walk.end);
    assert_int_equal(other.visited, walk.visited);
    assert_int_equal(other.frame_count, walk.frame_count);
    assert_int_equal(other.flags, walk.flags);
    assert_int_equal(other.methods.by_row, walk.methods.by_row);
    assert_memory_equal(other_frames, frames, walk.frame_count * sizeof frames[0]);
    return other.methods.remembered;
}

static void test_lives(void **state)
{
    (void)state;
    const char *rounds_text = getenv("PANDO_TEST_ROUNDS");
    unsigned long rounds = rounds_text != NULL ? strtoul(rounds_text, NULL, 10) : 300000, remembered = 0, visited = 0;
    begin_stack();
    for (unsigned long i = 0; i < rounds; i++) {
        unsigned depth_max = i / 1000 % 10 == 9 ? CALLS_MAX : 60;
        live(depth_max);
        if (below(3) == 0)
            change_words();
        if (below(1000) == 0)
            made.list.serial++;
        remembered += walk_both(below(10) == 0 ? 2 + below(40) : FRAMES_MAX, below(10) == 0 ? 1 + below(60) : 1000);
        visited += call_count;
    }
    print_message("%lu steps of %lu calls were remembered\n", remembered, visited);
    assert_true(remembered > visited / 8);
}

/* Nothing has changed: all but the first step is known, whatever the depth. */
static void test_the_same_again(void **state)
{
    (void)state;
    static const uint32_t depths[] = {2, 3, 25, 200, PANDO_WALK_TRAIL_MARKS, PANDO_WALK_TRAIL_MARKS + 1, 500};
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        begin_stack();
        while (call_count < depths[i])
            call(1 + below(6));
        walk_both(FRAMES_MAX, 1000);
        walk_both(FRAMES_MAX, 1000); /* (marks of the stack before may have left no room for the innermost) */
        uint32_t expected = depths[i] - 2 < PANDO_WALK_TRAIL_MARKS - 2 ? depths[i] - 2 : PANDO_WALK_TRAIL_MARKS - 2;
        for (int times = 0; times < 3; times++)
            assert_in_range(walk_both(FRAMES_MAX, 1000), expected, depths[i]);
    }
}

/* The inner calls change: the outer ones are known. */
static void test_another_leaf(void **state)
{
    (void)state;
    begin_stack();
    while (call_count < 25)
        call(1 + below(6));
    walk_both(FRAMES_MAX, 1000);
    for (int i = 0; i < 100; i++) {
        call_count = 22;
        calls[21].at = calls[21].function * FUNCTION_BYTES + 1 + below(4) * 16;
        while (call_count < 25 + below(3))
            call(3); /* (saves rbp) */
        assert_true(walk_both(FRAMES_MAX, 1000) >= 19);
    }
}

/* Another list of code: what was true under the old one is not asked. */
static void test_new_list(void **state)
{
    (void)state;
    begin_stack();
    while (call_count < 10)
        call(2);
    walk_both(FRAMES_MAX, 1000);
    assert_int_equal(walk_both(FRAMES_MAX, 1000), 8);
    rows_made[2].cfa_words = 6;
    made.list.serial++;
    assert_int_equal(walk_both(FRAMES_MAX, 1000), 0);
    rows_made[2].cfa_words = 3;
    made.list.serial++;
    walk_both(FRAMES_MAX, 1000);
}

static int setup(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        rows_made[i].offset = i * FUNCTION_BYTES;
        blocks_made[i] = i;
    }
    memset(&trail, 0, sizeof trail);
    made.list.serial++;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lives, setup),
        cmocka_unit_test_setup(test_the_same_again, setup),
        cmocka_unit_test_setup(test_another_leaf, setup),
        cmocka_unit_test_setup(test_new_list, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
