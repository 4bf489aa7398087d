// link: pando_collector pando_walker pando_exchange pando_symbols pando_base pando_unwind
// not under: thread, address - it copies its own stack as a whole, and makes contexts that the compiler takes for too small
/* The walker with made-up tables and stacks, where each outcome is known, and with registers and stacks damaged at random, where
 * nothing may be read that was not allowed. (Real stacks: walk_shapes_test.c; every instruction: walk_step_test.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "agent/walk_trail.h"
#include "tests/unit/walk_fixture.h"

enum { STACK_WORDS = 64, FRAMES_MAX = 64, CODE = 0x400000, OTHER = 0x500000, JIT = 0x600000, NEW = 0x700000 };
static const uint64_t STACK = 0x7fff0000;

/* Functions of 256 bytes at CODE: 0 plain (CFA = rsp + 8), 1 rbp frame, 2 none, 3 end, 4 plt, 5 signal, 6 an extra. */
static struct pando_row rows_made[] = {
    {.offset = 0x000, .kind = PANDO_ROW_RSP, .cfa_words = 1},
    {.offset = 0x100, .kind = PANDO_ROW_RBP, .cfa_words = 2, .rbp = PANDO_ROW_RBP_AT_CFA, .rbp_words = 2},
    {.offset = 0x200, .kind = PANDO_ROW_NONE},
    {.offset = 0x300, .kind = PANDO_ROW_END},
    {.offset = 0x400, .kind = PANDO_ROW_PLT},
    {.offset = 0x500, .kind = PANDO_ROW_SIGNAL},
    {.offset = 0x600, .kind = PANDO_ROW_EXTRA, .cfa_words = 0},
    {.offset = 0x700, .kind = PANDO_ROW_RSP, .cfa_words = 1, .rbp = PANDO_ROW_RBP_LOST},
};
static struct pando_row_extra extra;
static const uint32_t blocks_made[] = {0, 1, 2, 3, 4, 5, 6, 7};
static const struct pando_rows table = {.first_offset = 0, .length_bytes = 0x800, .row_count = 8, .block_count = 8,
                                        .extra_count = 1, .blocks = blocks_made, .rows = rows_made, .extras = &extra};

static struct {
    struct pando_object_list list;
    struct pando_object_entry entries[3];
} made = {
    .list = {.count = 3},
    .entries = {{.start = CODE, .end = CODE + 0x1000, .bias = CODE, .rows = &table},
                {.start = OTHER, .end = OTHER + 0x1000, .bias = OTHER},
                {.start = JIT, .end = JIT + 0x1000, .has_no_rows = true}},
};

static uint64_t stack[STACK_WORDS], frames[FRAMES_MAX], other_frames[FRAMES_MAX];
static struct pando_walk_trail trail;
static atomic_uint unknown_code;

static struct pando_walk walk_of(uint64_t rip, uint64_t rsp_words, uint64_t rbp)
{
    struct pando_walk walk = {
        .objects = &made.list, .unknown_code = &unknown_code, .frames = frames, .frames_max = FRAMES_MAX, .visits_max = 1000,
        .memory = {.low = STACK, .high = STACK + sizeof stack, .shift = (int64_t)((uint64_t)(uintptr_t)stack - STACK)},
    };
    walk.registers[PANDO_WALK_RIP] = rip;
    walk.registers[PANDO_WALK_RSP] = STACK + rsp_words * 8;
    walk.registers[PANDO_WALK_RBP] = rbp;
    return walk;
}

static void expect_end(struct pando_walk *walk, enum pando_walk_end end, uint32_t frame_count)
{
    pando_walk_run(walk);
    assert_int_equal(walk->end, end);
    assert_int_equal(walk->frame_count, frame_count);
}

static int clear(void **state)
{
    (void)state;
    memset(stack, 0, sizeof stack);
    memset(frames, 0, sizeof frames);
    extra = (struct pando_row_extra){.reg = 7, .ra_reg = PANDO_ROW_RA_AT_CFA, .index_reg = PANDO_ROW_NO_INDEX};
    atomic_store(&unknown_code, 0);
    atomic_store(&made.entries[1].wanted, 0);
    return 0;
}

static void test_plain_chain(void **state)
{
    (void)state;
    stack[0] = CODE + 0x180; /* into the rbp function */
    stack[10] = STACK + 30 * 8;
    stack[11] = CODE + 0x310; /* into the outermost */
    struct pando_walk walk = walk_of(CODE + 0x20, 0, STACK + 10 * 8);
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 3);
    assert_int_equal(frames[0], (CODE + 0x20) | PANDO_SAMPLE_EXACT);
    assert_int_equal(frames[1], CODE + 0x180);
    assert_int_equal(frames[2], CODE + 0x310);
    assert_int_equal(walk.methods.by_row, 2);
    assert_int_equal(walk.registers[PANDO_WALK_RBP], STACK + 30 * 8);
    assert_int_equal(walk.registers[PANDO_WALK_RSP], STACK + 12 * 8);
}

/* A call that does not return may be a function's last instruction: its return address is the next function's first. */
static void test_call_at_the_end(void **state)
{
    (void)state;
    stack[0] = CODE + 0x100; /* the call was in function 0 */
    stack[1] = CODE + 0x310;
    struct pando_walk walk = walk_of(CODE + 0x20, 0, 0);
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 3);
    stack[0] = CODE + 0x300; /* in function 2, which has no rule: not the outermost */
    walk = walk_of(CODE + 0x20, 0, 0);
    expect_end(&walk, PANDO_WALK_END_NO_RULE, 2);
}

static void test_plt(void **state)
{
    (void)state;
    stack[0] = 0x1234; /* pushed by the stub */
    stack[1] = CODE + 0x310;
    struct pando_walk walk = walk_of(CODE + 0x42b, 0, 0);
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 2);
    walk = walk_of(CODE + 0x42a, 1, 0);
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 2);
}

static void test_extras(void **state)
{
    (void)state;
    stack[20] = CODE + 0x310;
    extra.is_deref = true; /* CFA = *(rbp - 8) */
    extra.reg = PANDO_WALK_RBP;
    extra.offset = -8;
    stack[9] = STACK + 21 * 8;
    extra.rbp = PANDO_ROW_RBP_AT_RBP;
    stack[10] = 77;
    struct pando_walk walk = walk_of(CODE + 0x610, 0, STACK + 10 * 8);
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 2);
    assert_int_equal(walk.registers[PANDO_WALK_RBP], 77);
    extra = (struct pando_row_extra){.reg = 10, .offset = 16, .ra_reg = PANDO_ROW_RA_AT_CFA, .index_reg = PANDO_ROW_NO_INDEX};
    walk = walk_of(CODE + 0x610, 0, 0); /* CFA = r10 + 16: known in the innermost frame */
    walk.registers[10] = STACK + 19 * 8;
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 2);
    walk = walk_of(CODE + 0x610, 0, 0); /* but not in a caller's */
    walk.registers[10] = STACK + 19 * 8;
    walk.only_rbp_rsp_known = true;
    expect_end(&walk, PANDO_WALK_END_NO_RULE, 1);
    extra = (struct pando_row_extra){.reg = 7, .is_deref = true, .offset = 8, .add = 8, .index_reg = 9, .ra_reg = PANDO_ROW_RA_AT_CFA};
    walk = walk_of(CODE + 0x610, 0, 0); /* CFA = *(rsp + 8 + 8 * r9) + 8 */
    walk.registers[9] = 4;
    stack[5] = STACK + 20 * 8;
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 2);
    extra = (struct pando_row_extra){.reg = 7, .offset = 0, .ra_reg = 5, .index_reg = PANDO_ROW_NO_INDEX};
    walk = walk_of(CODE + 0x610, 0, 0); /* vfork: the return address is in rdi, nothing on the stack */
    walk.registers[5] = CODE + 0x310;
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 2);
    assert_int_equal(walk.registers[PANDO_WALK_RSP], STACK);
}

static void test_signal_frame(void **state)
{
    (void)state;
    /* The trampoline's row begins a byte before it; its return address is exact, and so is where the signal came. */
    stack[0] = CODE + 0x500;
    uint64_t *registers = &stack[1] + offsetof(ucontext_t, uc_mcontext.gregs) / 8;
    registers[REG_RIP] = CODE + 0x700;
    registers[REG_RSP] = STACK + 50 * 8;
    stack[50] = CODE + 0x310;
    rows_made[5].offset = 0x4ff;
    struct pando_walk walk = walk_of(CODE + 0x20, 0, 0);
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 4);
    rows_made[5].offset = 0x500;
    assert_int_equal(frames[1], (CODE + 0x500) | PANDO_SAMPLE_EXACT);
    assert_int_equal(frames[2], (CODE + 0x700) | PANDO_SAMPLE_EXACT); /* the first instruction of function 7 */
    assert_int_equal(frames[3], CODE + 0x310);
}

static void test_no_rows_yet(void **state)
{
    (void)state;
    stack[0] = OTHER + 0x10;
    struct pando_walk walk = walk_of(CODE + 0x20, 0, 33);
    expect_end(&walk, PANDO_WALK_END_NO_ROWS, 2);
    assert_int_equal(atomic_load(&made.entries[1].wanted), 1);
    assert_int_equal(walk.registers[PANDO_WALK_RIP], OTHER + 0x10);
    assert_int_equal(walk.registers[PANDO_WALK_RSP], STACK + 8);
    assert_int_equal(walk.registers[PANDO_WALK_RBP], 33);
    assert_int_equal(atomic_load(&unknown_code), 0);
    /* Code that is in no mapping may be new: the worker is told, and who goes on later finds it. */
    stack[0] = NEW;
    walk = walk_of(CODE + 0x20, 0, 33);
    expect_end(&walk, PANDO_WALK_END_NO_ROWS, 2);
    assert_int_equal(atomic_load(&unknown_code), 1);
    /* Where the list is known to be complete, it is damage. */
    walk = walk_of(CODE + 0x20, 0, 33);
    walk.unknown_code = NULL;
    expect_end(&walk, PANDO_WALK_END_BAD_CODE, 1);
    walk = walk_of(NEW, 0, 0);
    walk.objects = NULL;
    expect_end(&walk, PANDO_WALK_END_NO_ROWS, 1);
}

static void test_lost_rbp(void **state)
{
    (void)state;
    stack[0] = OTHER + 0x10;
    struct pando_walk walk = walk_of(CODE + 0x720, 0, 33);
    expect_end(&walk, PANDO_WALK_END_NO_ROWS, 2);
    assert_int_equal(walk.registers[PANDO_WALK_RBP], 0); /* nobody may go on with the callee's */
    stack[0] = CODE + 0x180;
    walk = walk_of(CODE + 0x720, 0, STACK + 80);
    expect_end(&walk, PANDO_WALK_END_NO_RULE, 2);
}

static void test_frame_pointers(void **state)
{
    (void)state;
    stack[10] = STACK + 20 * 8;
    stack[11] = JIT + 0x20;
    stack[20] = 0;
    stack[21] = CODE + 0x310;
    struct pando_walk walk = walk_of(JIT + 0x10, 0, STACK + 80);
    expect_end(&walk, PANDO_WALK_END_OUTERMOST, 3);
    assert_int_equal(walk.methods.by_frame_pointer, 2);
    assert_int_equal(walk.methods.by_row, 0);
    stack[11] = NEW; /* no return address: no chain */
    walk = walk_of(JIT + 0x10, 0, STACK + 80);
    expect_end(&walk, PANDO_WALK_END_NO_RULE, 1);
    stack[11] = JIT + 0x20;
    walk = walk_of(JIT + 0x10, 12, STACK + 80); /* below the stack pointer */
    expect_end(&walk, PANDO_WALK_END_NO_RULE, 1);
    walk = walk_of(JIT + 0x10, 0, STACK + 81);
    expect_end(&walk, PANDO_WALK_END_NO_RULE, 1);
    stack[10] = STACK + 10 * 8; /* points at itself */
    walk = walk_of(JIT + 0x10, 0, STACK + 80);
    expect_end(&walk, PANDO_WALK_END_NO_RULE, 2);
}

static void test_bad_stacks(void **state)
{
    (void)state;
    stack[0] = CODE + 0x310;
    struct pando_walk walk = walk_of(CODE + 0x20, 0, 0);
    walk.registers[PANDO_WALK_RSP] += 4; /* not aligned */
    expect_end(&walk, PANDO_WALK_END_BAD_STACK, 1);
    walk = walk_of(CODE + 0x20, STACK_WORDS, 0); /* past the end */
    expect_end(&walk, PANDO_WALK_END_BAD_STACK, 1);
    walk = walk_of(CODE + 0x120, 20, STACK + 80); /* the frame is below the stack pointer */
    expect_end(&walk, PANDO_WALK_END_BAD_STACK, 1);
    for (uint64_t rsp = UINT64_MAX - 40; rsp != 41; rsp++) { /* around the end of all addresses */
        walk = walk_of(CODE + 0x20, 0, rsp);
        walk.registers[PANDO_WALK_RSP] = rsp;
        expect_end(&walk, PANDO_WALK_END_BAD_STACK, 1);
        walk = walk_of(CODE + 0x120, 0, rsp);
        expect_end(&walk, PANDO_WALK_END_BAD_STACK, 1);
    }
}

/* Deep recursion: the outermost frames are kept, in order; a walk that takes too long is cut. */
static void test_deep(void **state)
{
    (void)state;
    for (int i = 0; i < STACK_WORDS - 1; i++)
        stack[i] = CODE + 0x20 + (uint64_t)i;
    stack[STACK_WORDS - 1] = CODE + 0x310;
    for (uint32_t max = 2; max <= FRAMES_MAX; max++) {
        struct pando_walk walk = walk_of(CODE + 0x20, 0, 0);
        walk.frames_max = max;
        expect_end(&walk, PANDO_WALK_END_OUTERMOST, max);
        assert_int_equal(walk.visited, STACK_WORDS + 1);
        assert_int_equal(walk.flags, PANDO_SAMPLE_TRUNCATED);
        assert_int_equal(frames[max - 1], CODE + 0x310);
        for (uint32_t i = 0; i + 1 < max; i++)
            assert_int_equal(frames[i], CODE + 0x20 + (uint64_t)(STACK_WORDS - max + i));
    }
    struct pando_walk walk = walk_of(CODE + 0x20, 0, 0);
    walk.visits_max = 10;
    expect_end(&walk, PANDO_WALK_END_TOO_DEEP, 10);
}

/* ---- damaged at random ---- */

static uint64_t random_state = 1;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

enum { COPY_BYTES = 8192, CONTEXTS = 6 };
static struct context {
    uint64_t registers[PANDO_WALK_REGISTERS];
    uint64_t low, len;
    uint8_t bytes[COPY_BYTES];
} contexts[CONTEXTS];
static int context_count;

/* Copies the stack as it is, red zones of a sanitizer and all. */
__attribute__((no_sanitize("address", "thread"))) static void copy_stack(uint8_t *to, uint64_t from, uint64_t len)
{
    const volatile uint8_t *bytes = (const volatile uint8_t *)(uintptr_t)from;
    for (uint64_t i = 0; i < len; i++)
        to[i] = bytes[i];
}

__attribute__((noinline)) static int record(int depth)
{
    if (depth > 0)
        return record(depth - 1) + 1;
    ucontext_t here;
    struct context *context = &contexts[context_count++ % CONTEXTS];
    getcontext(&here);
    pando_walk_registers_of(&here, context->registers);
    context->low = context->registers[PANDO_WALK_RSP] & ~UINT64_C(7);
    uint64_t high = walk_fixture_stack_high();
    context->len = high - context->low < COPY_BYTES ? high - context->low : COPY_BYTES;
    copy_stack(context->bytes, context->low, context->len);
    return 0;
}

static int record_in_qsort(const void *a, const void *b)
{
    if (context_count < CONTEXTS)
        record(2);
    return *(const int *)a - *(const int *)b;
}

static uint64_t odd_value(const struct context *context)
{
    switch (next_random() % 6) {
    case 0: return next_random();
    case 1: return context->low + next_random() % (context->len + 64) - 32;
    case 2: return (context->low + next_random() % context->len) & ~UINT64_C(7);
    case 3: return (uint64_t)(uintptr_t)&record + next_random() % 2000 - 1000;
    case 4: return (uint64_t)(uintptr_t)&memcpy + next_random() % 65536 - 32768;
    default: return UINT64_MAX - next_random() % 64;
    }
}

static void test_random_damage(void **state)
{
    (void)state;
    static struct walk_fixture fixture;
    int values[] = {3, 1, 2};
    const char *rounds_text = getenv("PANDO_TEST_ROUNDS");
    unsigned long rounds = rounds_text != NULL ? strtoul(rounds_text, NULL, 10) : 1000000;
    assert_int_equal(walk_fixture_start(&fixture), 0);
    record(10);
    qsort(values, 3, sizeof values[0], record_in_qsort);
    while (context_count < CONTEXTS)
        record(context_count);
    /* The copy lies between pages that nobody may touch: one word too far is a crash. */
    uint8_t *area = mmap(NULL, COPY_BYTES + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(mprotect(area + 4096, COPY_BYTES, PROT_READ | PROT_WRITE), 0);
    unsigned long ends[PANDO_WALK_END_KINDS] = {0}, remembered = 0;
    for (unsigned long i = 0; i < rounds; i++) {
        const struct context *context = &contexts[next_random() % CONTEXTS];
        uint8_t *copy = area + 4096 + COPY_BYTES - context->len; /* its end at the page that faults */
        memcpy(copy, context->bytes, context->len);
        struct pando_walk walk = {
            .objects = pando_code_map_list(fixture.map), .unknown_code = i % 2 == 0 ? &unknown_code : NULL, .frames = frames,
            .frames_max = 2 + (uint32_t)(next_random() % (FRAMES_MAX - 1)), .visits_max = 200,
            .memory = {.low = context->low, .high = context->low + context->len,
                       .shift = (int64_t)((uint64_t)(uintptr_t)copy - context->low),
                       .probe = i % 16 == 0 ? walk_fixture_probe : NULL},
            .only_rbp_rsp_known = next_random() % 4 == 0, .is_return_address = next_random() % 4 == 0,
        };
        memcpy(walk.registers, context->registers, sizeof walk.registers);
        for (uint64_t times = next_random() % 4; times > 0; times--)
            walk.registers[next_random() % PANDO_WALK_REGISTERS] = odd_value(context);
        for (uint64_t times = next_random() % 8; times > 0; times--) {
            uint64_t value = odd_value(context);
            memcpy(copy + next_random() % (context->len - 8) / 8 * 8, &value, sizeof value);
        }
        struct pando_walk again = walk;
        pando_walk_run(&walk);
        /* With the trail of the walks before, all of other stacks than this one: the same. */
        again.trail = &trail;
        again.frames = other_frames;
        pando_walk_run(&again);
        assert_int_equal(again.end, walk.end);
        assert_int_equal(again.visited, walk.visited);
        assert_int_equal(again.flags, walk.flags);
        assert_int_equal(again.methods.by_row, walk.methods.by_row);
        assert_int_equal(again.methods.by_frame_pointer, walk.methods.by_frame_pointer);
        assert_int_equal(again.methods.by_guess, walk.methods.by_guess);
        assert_memory_equal(other_frames, frames, walk.frame_count * sizeof frames[0]);
        if (walk.end == PANDO_WALK_END_NO_ROWS)
            assert_memory_equal(again.registers, walk.registers, sizeof walk.registers);
        remembered += again.methods.remembered;
        assert_true(walk.visited <= 201 && walk.frame_count <= walk.frames_max && walk.end < PANDO_WALK_END_KINDS);
        ends[walk.end]++;
    }
    for (int i = 0; i < PANDO_WALK_END_KINDS; i++)
        print_message("end %d: %lu\n", i, ends[i]);
    print_message("%lu steps were remembered\n", remembered);
    assert_true(remembered > rounds / 2);
    assert_true(ends[PANDO_WALK_END_OUTERMOST] > 0 && ends[PANDO_WALK_END_BAD_STACK] > 0);
    munmap(area, COPY_BYTES + 8192);
    walk_fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plain_chain, clear),    cmocka_unit_test_setup(test_call_at_the_end, clear),
        cmocka_unit_test_setup(test_plt, clear),            cmocka_unit_test_setup(test_extras, clear),
        cmocka_unit_test_setup(test_signal_frame, clear),   cmocka_unit_test_setup(test_no_rows_yet, clear),
        cmocka_unit_test_setup(test_lost_rbp, clear),       cmocka_unit_test_setup(test_frame_pointers, clear),
        cmocka_unit_test_setup(test_bad_stacks, clear),     cmocka_unit_test_setup(test_deep, clear),
        cmocka_unit_test_setup(test_random_damage, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
