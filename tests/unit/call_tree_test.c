// link: pando_collector pando_base
// not under: thread - its own malloc, which refuses on request, and ThreadSanitizer's exclude each other
/* The call tree of one interval, and the numbering under it: collector/call_tree.h, collector/numbering.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "collector/call_tree.h"
#include "collector/numbering.h"
#include "failing_malloc.h"

enum { DEPTH_MAX = 1024, NO_LIMIT = 1 << 30, OWN_BYTES = 512 };

static uint64_t random_state;

static uint64_t random_word(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 29;
}

static uint32_t random_below(uint32_t limit)
{
    return (uint32_t)(random_word() % limit);
}

/* A tree can be this deep only if frames repeat: offsets are few. */
static uint32_t random_stack(struct pando_call_frame *frames, uint32_t depth_max, uint32_t variety)
{
    uint32_t count = random_below(depth_max + 1);
    for (uint32_t i = 0; i < count; i++)
        frames[i] = (struct pando_call_frame){.offset = random_below(variety) * 16, .object = 1 + random_below(2)};
    return count;
}

static uint64_t sum_of_selfs(const struct pando_call_tree *tree)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < pando_call_tree_node_count(tree); i++) {
        struct pando_call_node node = pando_call_tree_node(tree, i);
        assert_true(i == 0 ? node.parent == 0 : node.parent < i);
        sum += node.self;
    }
    return sum;
}

static void test_numbers_stay(void **state)
{
    (void)state;
    enum { KEYS = 200000 };
    struct pando_numbering_budget budget = {.limit_bytes = NO_LIMIT};
    struct pando_numbering numbering = {0};
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < KEYS; i++) {
            /* Keys that differ in the high bits only, in the low bits only, and in key_more only. */
            uint64_t key = i % 3 == 0 ? (uint64_t)i << 40 : i % 3 == 1 ? i : 7;
            assert_int_equal(pando_numbering_put(&numbering, &budget, key, i % 3 == 2 ? i : 0), i);
            assert_true(pass == 1 || numbering.count == i + 1);
        }
    }
    assert_int_equal(numbering.count, KEYS);
    assert_true(numbering.bucket_count >= KEYS && numbering.bucket_count < 2 * numbering.round);
    uint32_t longest = 0, seen = 0;
    for (uint32_t b = 0; b < numbering.bucket_count; b++) {
        uint32_t length = 0;
        for (uint32_t at = ((uint32_t *)numbering.heads.blocks[b >> 8])[b & 255]; at != 0; length++)
            at = pando_numbering_at(&numbering, at - 1)->next;
        longest = length > longest ? length : longest;
        seen += length;
    }
    assert_int_equal(seen, KEYS);
    assert_true(longest <= 16); /* about 9 where the hash is as good as chance */
    pando_numbering_release(&numbering, &budget);
    assert_int_equal(budget.used_bytes, 0);
}

/* What a tree has to say, said naively: every different stack with its weight. */
struct reference {
    struct pando_call_frame frames[16];
    uint32_t count;
    uint64_t weight;
};

static void test_the_tree_is_the_stacks(void **state)
{
    (void)state;
    enum { STACKS = 4000, DEPTH = 6 };
    random_state = 1;
    struct pando_call_tree *tree = pando_call_tree_new(NO_LIMIT);
    struct reference *references = calloc(STACKS, sizeof *references);
    uint32_t reference_count = 0;
    uint64_t weight = 0;
    for (int i = 0; i < STACKS; i++) {
        struct reference fresh = {.weight = 1 + random_below(5)};
        fresh.count = random_stack(fresh.frames, DEPTH, 3);
        weight += fresh.weight;
        assert_int_equal(pando_call_tree_add(tree, fresh.frames, fresh.count, fresh.weight), 0);
        uint32_t at = 0;
        while (at < reference_count && (references[at].count != fresh.count ||
                                        memcmp(references[at].frames, fresh.frames, sizeof fresh.frames) != 0))
            at++;
        if (at == reference_count)
            references[reference_count++] = fresh;
        else
            references[at].weight += fresh.weight;
    }
    assert_int_equal(pando_call_tree_samples(tree), STACKS);
    assert_int_equal(pando_call_tree_weight(tree), weight);
    assert_int_equal(sum_of_selfs(tree), weight);
    uint32_t with_self = 0;
    for (uint32_t i = 0; i < pando_call_tree_node_count(tree); i++) {
        struct pando_call_node node = pando_call_tree_node(tree, i);
        if (node.self == 0)
            continue;
        with_self++;
        struct reference found = {0};
        for (uint32_t n = i; n != 0; n = pando_call_tree_node(tree, n).parent)
            found.count++;
        uint32_t depth = found.count;
        for (uint32_t n = i; n != 0; n = pando_call_tree_node(tree, n).parent) {
            struct pando_call_frame frame = pando_call_tree_frame(tree, pando_call_tree_node(tree, n).frame);
            found.frames[--depth].offset = frame.offset;
            found.frames[depth].object = frame.object;
        }
        uint32_t at = 0;
        while (at < reference_count && (references[at].count != found.count ||
                                        memcmp(references[at].frames, found.frames, sizeof found.frames) != 0))
            at++;
        assert_true(at < reference_count);
        assert_int_equal(references[at].weight, node.self);
    }
    assert_int_equal(with_self, reference_count);
    assert_true(pando_call_tree_frame_count(tree) <= 6);
    free(references);
    pando_call_tree_free(tree);
}

/* Fills a tree to its limit; returns the nodes. The memory really in use is watched at every step. */
static uint32_t fill_to(size_t limit_bytes, uint32_t variety)
{
    static struct pando_call_frame frames[DEPTH_MAX];
    long before = failing_peak_start();
    struct pando_call_tree *tree = pando_call_tree_new(limit_bytes);
    uint64_t accepted = 0, weight = 0;
    int error = 0;
    for (int i = 0; i < 100000 && error == 0; i++) {
        uint32_t count = random_stack(frames, 60, variety);
        error = pando_call_tree_add(tree, frames, count, 3);
        if (error == 0) {
            accepted++;
            weight += 3;
        }
        assert_true(pando_call_tree_bytes(tree) <= limit_bytes);
    }
    assert_int_equal(error, PANDO_ERR_LIMIT);
    /* malloc adds a few bytes to each block. */
    assert_true(failing_peak_bytes - before <= (long)(limit_bytes + limit_bytes / 32 + OWN_BYTES));
    assert_int_equal(pando_call_tree_samples(tree), accepted);
    assert_int_equal(pando_call_tree_weight(tree), weight);
    assert_int_equal(sum_of_selfs(tree), weight);
    /* What is there already still counts. */
    if (pando_call_tree_node_count(tree) > 1) {
        struct pando_call_frame known = pando_call_tree_frame(tree, pando_call_tree_node(tree, 1).frame);
        assert_int_equal(pando_call_tree_add(tree, &known, 1, 1), 0);
    }
    uint32_t nodes = pando_call_tree_node_count(tree);
    pando_call_tree_empty(tree);
    assert_int_equal(pando_call_tree_bytes(tree), 0);
    assert_int_equal(pando_call_tree_node_count(tree), 1);
    assert_int_equal(pando_call_tree_samples(tree), 0);
    if (limit_bytes > 1 << 16)
        assert_int_equal(pando_call_tree_add(tree, frames, 10, 1), 0);
    pando_call_tree_free(tree);
    assert_int_equal(failing_live_bytes, before);
    return nodes;
}

static void test_no_limit_is_exceeded(void **state)
{
    (void)state;
    random_state = 2;
    for (size_t limit = 0; limit < 100000; limit += limit < 20000 ? 97 : 1013)
        fill_to(limit, 50);
    for (size_t limit = 1 << 17; limit <= 16 << 20; limit *= 2) {
        uint32_t nodes = fill_to(limit, 200);
        assert_true(nodes > limit / 48); /* and it is put to use */
    }
    fill_to(1 << 20, 1 << 24); /* nearly every frame is new */
}

static void test_deep_stacks(void **state)
{
    (void)state;
    static struct pando_call_frame frames[DEPTH_MAX];
    struct pando_call_tree *tree = pando_call_tree_new(10 << 20);
    for (uint32_t i = 0; i < DEPTH_MAX; i++)
        frames[i] = (struct pando_call_frame){.offset = i / 2, .object = 3};
    for (uint32_t depth = 0; depth <= 1000; depth++)
        assert_int_equal(pando_call_tree_add(tree, frames, depth, depth), 0);
    assert_int_equal(pando_call_tree_node_count(tree), 1001);
    assert_int_equal(pando_call_tree_frame_count(tree), 500);
    for (uint32_t i = 1; i <= 1000; i++) {
        assert_int_equal(pando_call_tree_node(tree, i).parent, i - 1);
        assert_int_equal(pando_call_tree_node(tree, i).self, i);
    }
    pando_call_tree_free(tree);
}

static void test_every_allocation_fails_once(void **state)
{
    (void)state;
    static struct pando_call_frame frames[DEPTH_MAX];
    for (int goes_on = 0; goes_on <= 1; goes_on++) {
        long refused = 1;
        for (long nth = 1; refused > 0; nth++) {
            random_state = 3;
            long before = failing_live_bytes;
            uint64_t weight = 0;
            failing_start(nth, goes_on == 1);
            struct pando_call_tree *tree = pando_call_tree_new(1 << 20);
            for (int i = 0; i < 200 && tree != NULL; i++) {
                uint32_t count = random_stack(frames, 40, 100);
                int error = pando_call_tree_add(tree, frames, count, 2);
                assert_true(error == 0 || error == PANDO_ERR_NO_MEMORY);
                weight += error == 0 ? 2 : 0;
            }
            refused = failing_stop();
            if (tree != NULL) {
                assert_int_equal(sum_of_selfs(tree), weight);
                assert_int_equal(pando_call_tree_add(tree, frames, 1, 5), 0);
                assert_int_equal(sum_of_selfs(tree), weight + 5);
            }
            pando_call_tree_free(tree);
            assert_int_equal(failing_live_bytes, before);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_stay),
        cmocka_unit_test(test_the_tree_is_the_stacks),
        cmocka_unit_test(test_no_limit_is_exceeded),
        cmocka_unit_test(test_deep_stacks),
        cmocka_unit_test(test_every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
