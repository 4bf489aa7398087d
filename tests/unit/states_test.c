// link: pando_profile pando_base
/* Thread states: leaves in the model, counters on the wire, and the views of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "profile/codeguru_json.h"
#include "profile/states.h"

static uint32_t child(struct pando_profile_builder *builder, uint32_t parent, const char *name)
{
    int64_t string = pando_profile_builder_string(builder, name, strlen(name));
    int64_t object = pando_profile_builder_string(builder, "app", 3);
    int64_t frame = pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = (uint32_t)string,
                                                                                      .object = (uint32_t)object});
    return (uint32_t)pando_profile_builder_child(builder, parent, (uint32_t)frame);
}

static void spend(struct pando_profile_builder *builder, uint32_t node, enum pando_profile_state state, uint64_t weight)
{
    if (state != PANDO_PROFILE_NO_STATE)
        node = (uint32_t)pando_profile_builder_child(builder, node, (uint32_t)pando_profile_builder_state(builder, state));
    assert_int_equal(pando_profile_builder_add_self(builder, node, weight), 0);
}

/* main -> work: 5 of CPU time, 7 RUNNABLE, 20 WAITING; main -> lock: 3 BLOCKED. */
static struct pando_profile *both(void)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    meta->weight_per_second = 100;
    meta->counter_name = (uint32_t)pando_profile_builder_string(builder, "CPU_TIME", 8);
    meta->agent_type = (uint32_t)pando_profile_builder_string(builder, "Pando", 5);
    uint32_t begin = child(builder, 0, "main"), work = child(builder, begin, "work"), lock = child(builder, begin, "lock");
    spend(builder, work, PANDO_PROFILE_NO_STATE, 5);
    spend(builder, work, PANDO_PROFILE_RUNNABLE, 7);
    spend(builder, work, PANDO_PROFILE_WAITING, 20);
    spend(builder, lock, PANDO_PROFILE_BLOCKED, 3);
    return pando_profile_builder_finish(builder);
}

static char *encode(const struct pando_profile *profile)
{
    struct pando_buffer out;
    size_t bytes;
    pando_buffer_init(&out, 1 << 20);
    assert_int_equal(pando_codeguru_json_encode(profile, &out), 0);
    return pando_buffer_detach(&out, &bytes);
}

static struct pando_profile *decode(const char *body)
{
    static const struct pando_codeguru_json_limits limits = {.body_bytes = 1 << 20, .depth_frames = 1000, .memory_bytes = 1 << 20};
    struct pando_profile *profile = NULL;
    char message[200];
    if (pando_codeguru_json_decode(body, strlen(body), &limits, &profile, message, sizeof message) != 0)
        fail_msg("%s", message);
    return profile;
}

static void check_totals(const struct pando_profile *profile)
{
    uint64_t totals[PANDO_PROFILE_STATES];
    assert_true(pando_profile_state_totals(profile, totals));
    assert_int_equal(totals[PANDO_PROFILE_NO_STATE], 5);
    assert_int_equal(totals[PANDO_PROFILE_RUNNABLE], 7);
    assert_int_equal(totals[PANDO_PROFILE_BLOCKED], 3);
    assert_int_equal(totals[PANDO_PROFILE_WAITING], 20);
    assert_int_equal(totals[PANDO_PROFILE_NATIVE] + totals[PANDO_PROFILE_TIMED_WAITING] + totals[PANDO_PROFILE_IDLE], 0);
}

static void states_travel_as_counters(void **state)
{
    (void)state;
    struct pando_profile *profile = both();
    check_totals(profile);
    char *body = encode(profile);
    assert_non_null(strstr(body, "\"sampleWeights\":{\"CPU_TIME\":100.0,\"RUNNABLE\":100.0,\"BLOCKED\":100.0,\"WAITING\":100.0}"));
    assert_non_null(strstr(body, "\"app:work\":{\"counts\":{\"CPU_TIME\":5,\"RUNNABLE\":7,\"WAITING\":20}}"));
    assert_non_null(strstr(body, "\"app:lock\":{\"counts\":{\"BLOCKED\":3}}"));
    assert_null(strstr(body, "<state>"));
    pando_profile_free(profile);
    profile = decode(body);
    check_totals(profile);
    char *again = encode(profile);
    assert_non_null(strstr(again, "\"app:work\":{\"counts\":{\"CPU_TIME\":5,\"RUNNABLE\":7,\"WAITING\":20}}"));
    pando_profile_free(profile);
    free(again);
    free(body);
}

static void a_key_cannot_pass_for_a_state(void **state)
{
    (void)state;
    struct pando_profile *profile = decode(
        "{\"start\":1,\"end\":2,\"agentMetadata\":{\"agentInfo\":{\"type\":\"Pando\",\"version\":\"1\"},\"sampleWeights\":{\"A\":5}},"
        "\"callgraph\":{\"children\":{\"<state>:WAITING\":{\"counts\":{\"A\":1}},\"[<state>+0x12]\":{\"counts\":{\"A\":1}},"
        "\"WAITING\":{\"counts\":{\"A\":1}}}}}");
    uint64_t totals[PANDO_PROFILE_STATES];
    assert_false(pando_profile_state_totals(profile, totals));
    assert_int_equal(totals[PANDO_PROFILE_NO_STATE], 3);
    pando_profile_free(profile);
}

static uint64_t total_of(struct pando_profile *profile, const char *text)
{
    unsigned view;
    uint64_t total = 0;
    struct pando_profile *shown;
    assert_true(pando_profile_view_parse(text, &view));
    assert_int_equal(pando_profile_view(profile, view, &shown), 0);
    for (uint32_t i = 0; i < shown->node_count; i++) {
        total += shown->nodes[i].self;
        assert_int_equal(pando_profile_frame_state(shown, shown->nodes[i].frame), PANDO_PROFILE_NO_STATE);
    }
    if (shown != profile)
        pando_profile_free(shown);
    return total;
}

static void views_choose(void **state)
{
    (void)state;
    struct pando_profile *profile = both();
    assert_int_equal(total_of(profile, ""), 5);
    assert_int_equal(total_of(profile, "CPU"), 5);
    assert_int_equal(total_of(profile, "all"), 30);
    assert_int_equal(total_of(profile, "WAITING"), 20);
    assert_int_equal(total_of(profile, "BLOCKED,RUNNABLE"), 10);
    assert_int_equal(total_of(profile, "IDLE"), 0);
    pando_profile_free(profile);
    unsigned view;
    static const char *const wrong[] = {"waiting", "WAITING,", ",", "ALL", "WAIT", "WAITING;BLOCKED"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(pando_profile_view_parse(wrong[i], &view));
}

static void wall_time_alone_is_what_is_shown(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    spend(builder, child(builder, 0, "main"), PANDO_PROFILE_TIMED_WAITING, 9);
    pando_profile_builder_meta(builder)->weight_per_second = 1000;
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    assert_int_equal(total_of(profile, NULL), 9);
    assert_int_equal(total_of(profile, "CPU"), 0);
    char *body = encode(profile);
    assert_non_null(strstr(body, "\"sampleWeights\":{\"TIMED_WAITING\":1000.0}"));
    free(body);
    pando_profile_free(profile);
}

static void without_states_nothing_is_copied(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    spend(builder, child(builder, 0, "main"), PANDO_PROFILE_NO_STATE, 9);
    struct pando_profile *profile = pando_profile_builder_finish(builder), *shown;
    assert_int_equal(pando_profile_view(profile, PANDO_VIEW_DEFAULT, &shown), 0);
    assert_ptr_equal(shown, profile);
    assert_int_equal(total_of(profile, "all"), 0);
    pando_profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_travel_as_counters),
        cmocka_unit_test(a_key_cannot_pass_for_a_state),
        cmocka_unit_test(views_choose),
        cmocka_unit_test(wall_time_alone_is_what_is_shown),
        cmocka_unit_test(without_states_nothing_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
