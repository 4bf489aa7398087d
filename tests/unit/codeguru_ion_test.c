// link: pando_profile pando_base
/* The CodeGuru body as Ion: a vector from another writer, what comes back, what is refused, and that nothing is worth more than it
 * weighs. tests/formats has the comparison with Amazon's own Ion libraries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "profile/codeguru_ion.h"
#include "profile/ion_writer.h"

static const struct pando_codeguru_json_limits limits = {
    .body_bytes = 16 << 20, .depth_frames = 1000, .memory_bytes = 64 << 20};
static char message[256];

static size_t from_hex(const char *hex, char *bytes)
{
    size_t len = 0;
    for (; hex[0] != '\0'; hex += 2) {
        unsigned value = 0;
        assert_int_equal(sscanf(hex, "%2x", &value), 1);
        bytes[len++] = (char)value;
    }
    return len;
}

/* What a small writer that knows nothing of Pando made of
 * {start: 1700000000000, end: 1700000300000, agentMetadata: {durationInMs: 300000, sampleWeights: {WALL_TIME: 1e0},
 *  agentInfo: {type: "x", version: "0.1"}}, callgraph: {children: {main: {counts: {WALL_TIME: 3}, file: "m.c", line: [10, 20],
 *  children: {}}}}}; ion-c reads it the same way. */
static const char vector[] =
    "e00100eaee01858183de018087befd85737461727483656e648d6167656e744d657461646174618c6475726174696f6e496e4d738d73616d706c65576569"
    "676874738957414c4c5f54494d45896167656e74496e666f84747970658776657273696f6e8963616c6c6772617068886368696c6472656e846d61696e86"
    "636f756e74738466696c65846c696e65dec98a26018bcfe568008b26018bcfe9fbe08cde9b8d230493e08eda8f483ff000000000000090d8918178928330"
    "2e3193de9894de9595de9296d38f210397836d2e6398b4210a211494d0";

static void a_body_of_another_writer_is_read(void **state)
{
    (void)state;
    char body[1024];
    struct pando_profile *profile = NULL;
    assert_int_equal(pando_codeguru_ion_decode(body, from_hex(vector, body), &limits, &profile, message, sizeof message), 0);
    assert_int_equal(profile->meta.start_wall_ms, 1700000000000);
    assert_int_equal(profile->meta.end_wall_ms, 1700000300000);
    assert_int_equal(profile->meta.active_ms, 300000);
    assert_true(profile->meta.weight_per_second == 1.0);
    assert_string_equal(profile->strings[profile->meta.agent_type], "x");
    assert_int_equal(profile->node_count, 2);
    assert_int_equal(profile->nodes[1].self, 3);
    const struct pando_profile_frame *frame = &profile->frames[profile->nodes[1].frame];
    assert_string_equal(profile->strings[frame->name], "main");
    assert_string_equal(profile->strings[frame->file], "m.c");
    assert_int_equal(frame->line_min, 10);
    assert_int_equal(frame->line_max, 20);
    pando_profile_free(profile);
}

/* No matter where it is cut, or which byte of it is another one. */
static void damage_is_survived(void **state)
{
    (void)state;
    char body[1024];
    size_t len = from_hex(vector, body);
    for (size_t cut = 0; cut < len; cut++) {
        char *exact = malloc(cut + 1); /* so that a sanitizer sees what is read behind it */
        assert_non_null(exact);
        exact = realloc(exact, cut != 0 ? cut : 1);
        memcpy(exact, body, cut);
        struct pando_profile *profile = NULL;
        assert_true(pando_codeguru_ion_decode(exact, cut, &limits, &profile, message, sizeof message) < 0);
        assert_true(message[0] != '\0');
        free(exact);
    }
    for (size_t at = 0; at < len; at++) {
        for (int value = 0; value < 256; value++) {
            char before = body[at];
            struct pando_profile *profile = NULL;
            body[at] = (char)value;
            int error = pando_codeguru_ion_decode(body, len, &limits, &profile, message, sizeof message);
            assert_true(error == 0 || message[0] != '\0');
            pando_profile_free(profile);
            body[at] = before;
        }
    }
}

/* agentMetadata and what goes around it; `tree` writes the value of callgraph. */
static size_t write_body(struct pando_buffer *out, void (*tree)(struct pando_ion_writer *ion))
{
    struct pando_ion_writer *ion = pando_ion_writer_new(out->max_bytes);
    assert_non_null(ion);
    pando_ion_write_begin(ion, PANDO_ION_STRUCT);
    pando_ion_write_name(ion, "start");
    pando_ion_write_int(ion, 1000, false);
    pando_ion_write_name(ion, "end");
    pando_ion_write_int(ion, 2000, false);
    pando_ion_write_name(ion, "agentMetadata");
    pando_ion_write_begin(ion, PANDO_ION_STRUCT);
    pando_ion_write_name(ion, "sampleWeights");
    pando_ion_write_begin(ion, PANDO_ION_STRUCT);
    pando_ion_write_name(ion, "WALL_TIME");
    pando_ion_write_float(ion, 100);
    pando_ion_write_end(ion);
    pando_ion_write_end(ion);
    pando_ion_write_name(ion, "callgraph");
    tree(ion);
    pando_ion_write_end(ion);
    assert_int_equal(pando_ion_writer_finish(ion, out), 0);
    pando_ion_writer_free(ion);
    return out->len_bytes;
}

static unsigned deep_levels;

static void deep_tree(struct pando_ion_writer *ion)
{
    for (unsigned i = 0; i <= deep_levels; i++) {
        pando_ion_write_begin(ion, PANDO_ION_STRUCT);
        if (i < deep_levels) {
            pando_ion_write_name(ion, "children");
            pando_ion_write_begin(ion, PANDO_ION_STRUCT);
            pando_ion_write_name(ion, "deeper");
        }
    }
    for (unsigned i = 0; i < 2 * deep_levels + 1; i++)
        pando_ion_write_end(ion);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    static const struct {
        unsigned levels;
        int error;
    } cases[] = {{1000, 0}, {1001, PANDO_ERR_LIMIT}, {100000, PANDO_ERR_LIMIT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_buffer body;
        struct pando_profile *profile = NULL;
        pando_buffer_init(&body, limits.body_bytes);
        deep_levels = cases[i].levels;
        size_t len = write_body(&body, deep_tree);
        assert_int_equal(pando_codeguru_ion_decode(body.bytes, len, &limits, &profile, message, sizeof message), cases[i].error);
        assert_string_equal(message, cases[i].error != 0 ? "callgraph is deeper than 1000 frames." : "");
        pando_profile_free(profile);
        pando_buffer_release(&body);
    }
}

/* Counters without weight: names that are long, given out again and again, and cost two bytes each time. */
static void bomb(struct pando_ion_writer *ion)
{
    static char name[4001];
    memset(name, 'n', sizeof name - 1);
    pando_ion_write_begin(ion, PANDO_ION_STRUCT);
    pando_ion_write_name(ion, "children");
    pando_ion_write_begin(ion, PANDO_ION_STRUCT);
    for (unsigned i = 0; i < 100000; i++) {
        pando_ion_write_name(ion, name);
        pando_ion_write_begin(ion, PANDO_ION_STRUCT);
        pando_ion_write_end(ion);
    }
    pando_ion_write_end(ion);
    pando_ion_write_end(ion);
}

static void symbols_expand_to_no_more_than_a_body(void **state)
{
    (void)state;
    struct pando_buffer body;
    struct pando_profile *profile = NULL;
    pando_buffer_init(&body, limits.body_bytes);
    size_t len = write_body(&body, bomb);
    assert_true(len < 400000);
    assert_int_equal(pando_codeguru_ion_decode(body.bytes, len, &limits, &profile, message, sizeof message), PANDO_ERR_LIMIT);
    assert_string_equal(message, "The body has symbols whose text, written out, would be too much.");
    pando_buffer_release(&body);
}

static void wrong_bodies_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int error;
        const char *message;
    } cases[] = {
        {"", PANDO_ERR_SYNTAX, "The body is no Ion: no Ion 1.0 version marker at the beginning at byte 0."},
        {"7b7d", PANDO_ERR_SYNTAX, "The body is no Ion: no Ion 1.0 version marker at the beginning at byte 0."},
        {"e00101ea", PANDO_ERR_SYNTAX, "The body is no Ion: no Ion 1.0 version marker at the beginning at byte 0."},
        {"e00100ea", PANDO_ERR_SYNTAX, "The body is no Ion: an end too soon at byte 4."},
        {"e00100ea2101", PANDO_ERR_INVALID, "The body must be a struct."},
        {"e00100ead0", PANDO_ERR_INVALID, "start is missing."},
        {"e00100ead0d0", PANDO_ERR_SYNTAX, "The body is no Ion: something after the end at byte 6."},
        {"e00100eade81", PANDO_ERR_SYNTAX, "The body is no Ion: a value that is longer than what it lies in at byte 6."},
        {"e00100eaf0", PANDO_ERR_SYNTAX, "The body is no Ion: a type that Ion 1.0 does not have at byte 5."},
        {"e00100ead28b20", PANDO_ERR_SYNTAX, "The body is no Ion: a symbol that its table does not have at byte 6."},
        /* $ion_symbol_table::{imports: [{name: "x", version: 1, max_id: 10}]} {} */
        {"e00100eaee918183de8d86be8a d9 84 81 78 85 21 01 88 21 0a d0", PANDO_ERR_SYNTAX,
         "The body is no Ion: symbols of a shared table, which is not at hand here (send them in a local one) at byte 23."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[64], hex[128] = "";
        struct pando_profile *profile = NULL;
        for (const char *at = cases[i].hex; *at != '\0'; at++)
            if (*at != ' ')
                strncat(hex, at, 1);
        size_t len = from_hex(hex, body);
        int error = pando_codeguru_ion_decode(body, len, &limits, &profile, message, sizeof message);
        if (strcmp(message, cases[i].message) != 0)
            fail_msg("case %zu: %s", i, message);
        assert_int_equal(error, cases[i].error);
    }
}

static void add(struct pando_profile_builder *builder, uint32_t *node, const char *name, uint64_t self)
{
    struct pando_profile_frame frame = {.name = (uint32_t)pando_profile_builder_string(builder, name, strlen(name))};
    *node = (uint32_t)pando_profile_builder_child(builder, *node, (uint32_t)pando_profile_builder_frame(builder, frame));
    pando_profile_builder_add_self(builder, *node, self);
}

static struct pando_profile *three_levels(void)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    meta->start_wall_ms = 1000;
    meta->end_wall_ms = 2000;
    meta->weight_per_second = 1e9;
    uint32_t node = 0;
    add(builder, &node, "main", 1);
    uint32_t main_node = node;
    add(builder, &node, "middle", 20);
    add(builder, &node, "leaf", 300);
    node = main_node;
    add(builder, &node, "other", 4000);
    return pando_profile_builder_finish(builder);
}

static void an_aggregate_keeps_the_weight_below_its_depth(void **state)
{
    (void)state;
    static const struct {
        uint32_t depth;
        const char *json;
    } cases[] = {
        {0, "\"callgraph\":{\"children\":{\"main\":{\"counts\":{\"WALL_TIME\":1},\"children\":{\"middle\":{\"counts\":{\"WALL_TIME\":20},"
            "\"children\":{\"leaf\":{\"counts\":{\"WALL_TIME\":300}}}},\"other\":{\"counts\":{\"WALL_TIME\":4000}}}}}}}"},
        {2, "\"callgraph\":{\"children\":{\"main\":{\"counts\":{\"WALL_TIME\":1},\"children\":{\"middle\":{\"counts\":{\"WALL_TIME\":320}},"
            "\"other\":{\"counts\":{\"WALL_TIME\":4000}}}}}}}"},
        {1, "\"callgraph\":{\"children\":{\"main\":{\"counts\":{\"WALL_TIME\":4321}}}}}"},
    };
    struct pando_profile *profile = three_levels();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_buffer out;
        pando_buffer_init(&out, 1 << 20);
        const struct pando_codeguru_form form = {.is_aggregate = true, .max_depth = cases[i].depth};
        assert_int_equal(pando_codeguru_encode(profile, &form, &out), 0);
        const char *tree = strstr(out.bytes, "\"callgraph\"");
        assert_non_null(tree);
        assert_string_equal(tree, cases[i].json);
        struct pando_profile *again = NULL;
        assert_int_equal(pando_codeguru_json_decode(out.bytes, out.len_bytes, &limits, &again, message, sizeof message), 0);
        pando_profile_free(again);
        pando_buffer_release(&out);
    }
    pando_profile_free(profile);
}

static void the_writers_limit_is_kept(void **state)
{
    (void)state;
    struct pando_profile *profile = three_levels();
    for (size_t max = 0;; max++) {
        struct pando_buffer out;
        pando_buffer_init(&out, max);
        int error = pando_codeguru_ion_encode(profile, &out);
        bool has_room = error == 0;
        if (!has_room)
            assert_int_equal(error, PANDO_ERR_LIMIT);
        else
            assert_true(out.len_bytes == max && max > 100);
        pando_buffer_release(&out);
        if (has_room)
            break;
    }
    pando_profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_another_writer_is_read),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(symbols_expand_to_no_more_than_a_body),
        cmocka_unit_test(wrong_bodies_are_named),
        cmocka_unit_test(an_aggregate_keeps_the_weight_below_its_depth),
        cmocka_unit_test(the_writers_limit_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
