// link: pando_profile pando_base
/* Slices: their names as frames, views and lists of them, and how they travel in a body for Pando's receiver. */
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
#include "profile/codeguru_json.h"
#include "profile/slices.h"
#include "profile/states.h"

static struct pando_slice slice_of(const char *thread, uint32_t tid, const char *labels)
{
    struct pando_slice slice = {.tid = tid};
    pando_slice_set_thread(&slice, thread, strlen(thread));
    while (*labels != '\0') {
        size_t key = strcspn(labels, "="), value = strcspn(labels + key + 1, ",");
        assert_true(pando_slice_set_label(&slice, labels, key, labels + key + 1, value));
        labels += key + 1 + value;
        labels += *labels == ',';
    }
    return slice;
}

static void check_round_trip(const struct pando_slice *slice, const char *expected)
{
    char name[PANDO_SLICE_NAME_BYTES];
    struct pando_slice again;
    size_t len = pando_slice_render(slice, name);
    assert_int_equal(len, strlen(name));
    if (expected != NULL)
        assert_string_equal(name, expected);
    assert_true(pando_slice_parse(name, &again));
    assert_memory_equal(slice, &again, sizeof again);
}

static void a_slice_has_one_name(void **state)
{
    (void)state;
    struct pando_slice slice = slice_of("worker", 7, "version=1.2,env=prod");
    check_round_trip(&slice, "worker;7;env=prod;version=1.2");
    slice = slice_of("worker", 7, "env=test,version=1.2,env=prod");
    check_round_trip(&slice, "worker;7;env=prod;version=1.2");
    slice = slice_of("", 0, "");
    check_round_trip(&slice, ";");
    slice = slice_of("a;b=c%\n\x7f", 4294967295u, "k;=v=;%");
    check_round_trip(&slice, "a%3Bb%3Dc%25%0A%7F;4294967295;k%3B=v%3D%3B%25");
    slice = slice_of("M\xc3\xbcller", 0, "");
    check_round_trip(&slice, "M\xc3\xbcller;");
}

static void hostile_bytes_become_text(void **state)
{
    (void)state;
    struct pando_slice slice = {0};
    pando_slice_set_thread(&slice, "a\0\xff\xc3", 4);
    assert_string_equal(slice.thread, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    char text[300];
    memset(text, 'x', sizeof text);
    memcpy(text + PANDO_SLICE_THREAD_BYTES - 1, "\xc3\xbc", 2);
    pando_slice_set_thread(&slice, text, sizeof text);
    assert_int_equal(strlen(slice.thread), PANDO_SLICE_THREAD_BYTES - 1); /* never half a character */
    assert_false(pando_slice_set_label(&slice, "", 0, "v", 1));
    check_round_trip(&slice, NULL);
    for (unsigned seed = 1; seed < 2000; seed++) {
        unsigned random = seed * 2654435761u;
        slice = (struct pando_slice){.tid = random % 3};
        for (size_t i = 0; i < 60; i++)
            text[i] = (char)((random = random * 1664525 + 1013904223) >> 24);
        pando_slice_set_thread(&slice, text, 20);
        pando_slice_set_label(&slice, text + 20, 10, text + 30, 10);
        pando_slice_set_label(&slice, text + 40, 5, text + 45, 15);
        check_round_trip(&slice, NULL);
        text[random % 60] = '\0';
        pando_slice_parse(text, &slice); /* whatever it says, it stays within bounds */
        check_round_trip(&slice, NULL);
    }
}

static void what_render_does_not_make_is_no_slice(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "a", "a;07", "a;x", "a;0", "a;1;k", "a;1;=v", "a;1;b=1;a=1", "a;1;a=1;a=2", "a;1;", "%41;", "%0a;",
                                        "a\n;", "%4", "a;99999999999", "a;1;k=%C3%28"};
    struct pando_slice slice;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (pando_slice_parse(wrong[i], &slice))
            fail_msg("\"%s\" is taken for a slice", wrong[i]);
}

static void there_is_a_limit(void **state)
{
    (void)state;
    struct pando_slice slice = slice_of("t", 1, "");
    char key[8], value[PANDO_SLICE_VALUE_BYTES];
    memset(value, ';', sizeof value);
    for (int i = 0; i < PANDO_SLICE_LABELS_MAX; i++) {
        snprintf(key, sizeof key, "k%02d", i);
        assert_true(pando_slice_set_label(&slice, key, strlen(key), value, sizeof value));
    }
    assert_false(pando_slice_set_label(&slice, "one more", 8, "v", 1));
    assert_true(pando_slice_set_label(&slice, "k00", 3, value, sizeof value));
    char name[PANDO_SLICE_NAME_BYTES];
    size_t len = pando_slice_render(&slice, name);
    assert_int_equal(len, 3 + PANDO_SLICE_LABELS_MAX * (1 + 3 + 1 + 3 * PANDO_SLICE_VALUE_BYTES));
    for (int i = 0; i < PANDO_SLICE_LABELS_MAX; i++)
        memset(slice.labels[i].key, 'a' + i, PANDO_SLICE_KEY_BYTES);
    assert_int_equal(pando_slice_render(&slice, name), 0);
    assert_string_equal(name, "");
}

static uint32_t function(struct pando_profile_builder *builder, uint32_t parent, const char *name)
{
    int64_t string = pando_profile_builder_string(builder, name, strlen(name));
    int64_t object = pando_profile_builder_string(builder, "app", 3);
    int64_t frame = pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = (uint32_t)string,
                                                                                      .object = (uint32_t)object});
    return (uint32_t)pando_profile_builder_child(builder, parent, (uint32_t)frame);
}

static void spend(struct pando_profile_builder *builder, uint32_t node, const struct pando_slice *slice,
                  enum pando_profile_state state, uint64_t weight)
{
    if (slice != NULL)
        node = (uint32_t)pando_profile_builder_child(builder, node, (uint32_t)pando_profile_builder_slice(builder, slice));
    if (state != PANDO_PROFILE_NO_STATE)
        node = (uint32_t)pando_profile_builder_child(builder, node, (uint32_t)pando_profile_builder_state(builder, state));
    assert_int_equal(pando_profile_builder_add_self(builder, node, weight), 0);
}

static void put_object(struct pando_profile_builder *builder, const char *name, const char *path, const char *build_id)
{
    const struct pando_profile_object object = {
        .name = (uint32_t)pando_profile_builder_string(builder, name, strlen(name)),
        .path = (uint32_t)pando_profile_builder_string(builder, path, strlen(path)),
        .build_id = (uint32_t)pando_profile_builder_string(builder, build_id, strlen(build_id))};
    assert_true(pando_profile_builder_object(builder, object) >= 0);
}

/* main -> work: a/prod 5 CPU and 20 WAITING, a/test 7 CPU, b/prod 11 CPU, 2 CPU of nobody; main -> idle: b/prod 100 WAITING. */
static struct pando_profile *sample(void)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    meta->start_wall_ms = 1000;
    meta->end_wall_ms = 2000;
    meta->weight_per_second = 100;
    meta->counter_name = (uint32_t)pando_profile_builder_string(builder, "CPU_TIME", 8);
    meta->agent_type = (uint32_t)pando_profile_builder_string(builder, "Pando", 5);
    uint32_t begin = function(builder, 0, "main"), work = function(builder, begin, "work"), idle = function(builder, begin, "idle");
    struct pando_slice a_prod = slice_of("a", 0, "env=prod,shard=1"), a_test = slice_of("a", 0, "env=test"),
                       b_prod = slice_of("b;<\"", 0, "env=prod");
    spend(builder, work, &a_prod, PANDO_PROFILE_NO_STATE, 5);
    spend(builder, work, &a_prod, PANDO_PROFILE_WAITING, 20);
    spend(builder, work, &a_test, PANDO_PROFILE_NO_STATE, 7);
    spend(builder, work, &b_prod, PANDO_PROFILE_NO_STATE, 11);
    spend(builder, work, NULL, PANDO_PROFILE_NO_STATE, 2);
    spend(builder, idle, &b_prod, PANDO_PROFILE_WAITING, 100);
    put_object(builder, "app", "/usr/bin/app", "00ff12");
    put_object(builder, "app", "/opt/app", "");
    return pando_profile_builder_finish(builder);
}

static uint64_t total(const struct pando_profile *profile)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        sum += profile->nodes[i].self;
    return sum;
}

/* What a wish, in "thread=NAME" and "KEY:VALUE", and then a view leave of the profile's weight. */
static uint64_t shown(struct pando_profile *profile, const char *const *wishes, unsigned view)
{
    struct pando_slice_wish wish = {0};
    for (; *wishes != NULL; wishes++)
        assert_true(strncmp(*wishes, "thread=", 7) == 0 ? pando_slice_wish_thread(&wish, *wishes + 7)
                                                        : pando_slice_wish_label(&wish, *wishes));
    struct pando_profile *selected, *seen;
    assert_int_equal(pando_profile_select(profile, &wish, &selected), 0);
    assert_int_equal(pando_profile_view(selected, view, &seen), 0);
    for (uint32_t i = 0; i < seen->frame_count; i++)
        assert_false(pando_profile_frame_is_slice(seen, i));
    assert_int_equal(seen->object_count, 2);
    uint64_t sum = total(seen);
    if (seen != selected)
        pando_profile_free(seen);
    if (selected != profile)
        pando_profile_free(selected);
    return sum;
}
#define SHOWN(view, ...) shown(profile, (const char *const[]){__VA_ARGS__, NULL}, view)

static void check_views(struct pando_profile *profile)
{
    static const char *const none[] = {NULL};
    assert_int_equal(shown(profile, none, PANDO_VIEW_CPU), 25);
    assert_int_equal(shown(profile, none, PANDO_VIEW_DEFAULT), 25);
    assert_int_equal(shown(profile, none, PANDO_VIEW_WALL), 120);
    assert_int_equal(SHOWN(PANDO_VIEW_CPU, "thread=a"), 12);
    assert_int_equal(SHOWN(PANDO_VIEW_WALL, "thread=a"), 20);
    assert_int_equal(SHOWN(PANDO_VIEW_CPU, "thread=a", "thread=b;<\""), 23);
    assert_int_equal(SHOWN(PANDO_VIEW_CPU, "env:prod"), 16);
    assert_int_equal(SHOWN(PANDO_VIEW_WALL, "env:prod"), 120);
    assert_int_equal(SHOWN(PANDO_VIEW_CPU, "env:prod", "env:test"), 23);
    assert_int_equal(SHOWN(PANDO_VIEW_CPU, "env:prod", "shard:1"), 5);
    assert_int_equal(SHOWN(PANDO_VIEW_CPU, "env:prod", "thread=a"), 5);
    assert_int_equal(SHOWN(PANDO_VIEW_CPU, "env:"), 0);
    assert_int_equal(SHOWN(PANDO_VIEW_CPU, "thread=nobody"), 0);
    /* The view alone strips them, too. */
    struct pando_profile *all;
    assert_int_equal(pando_profile_view(profile, PANDO_VIEW_CPU, &all), 0);
    assert_int_equal(all->node_count, 4);
    assert_int_equal(total(all), 25);
    pando_profile_free(all);
}

static void views_select_slices(void **state)
{
    (void)state;
    struct pando_profile *profile = sample();
    check_views(profile);
    pando_profile_free(profile);
}

static void only_what_has_weight_stays(void **state)
{
    (void)state;
    struct pando_profile *profile = sample(), *selected;
    struct pando_slice_wish wish = {0};
    pando_slice_wish_thread(&wish, "a");
    assert_int_equal(pando_profile_select(profile, &wish, &selected), 0);
    for (uint32_t i = 0; i < selected->node_count; i++)
        assert_string_not_equal(selected->strings[selected->frames[selected->nodes[i].frame].name], "idle");
    pando_profile_free(selected);
    pando_profile_free(profile);
}

static void a_wish_has_a_form(void **state)
{
    (void)state;
    struct pando_slice_wish wish = {0};
    assert_false(pando_slice_wish_label(&wish, "env"));
    assert_false(pando_slice_wish_label(&wish, ":prod"));
    assert_true(pando_slice_wish_label(&wish, "url:http://x"));
    assert_string_equal(wish.labels[0].key, "url");
    assert_string_equal(wish.labels[0].value, "http://x");
    for (int i = 0; i < PANDO_SLICE_WISHES_MAX; i++)
        assert_true(pando_slice_wish_thread(&wish, "t"));
    assert_false(pando_slice_wish_thread(&wish, "t"));
}

static void slices_are_listed_by_weight(void **state)
{
    (void)state;
    struct pando_profile *profile = sample();
    struct pando_slice_list list;
    assert_int_equal(pando_profile_slice_list(profile, &list), 0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.slices[0].slice.thread, "b;<\"");
    assert_int_equal(list.slices[0].cpu, 11);
    assert_int_equal(list.slices[0].wall, 100);
    assert_string_equal(list.slices[1].slice.labels[1].value, "1");
    assert_int_equal(list.slices[1].cpu, 5);
    assert_int_equal(list.slices[1].wall, 20);
    assert_int_equal(list.slices[2].cpu, 7);
    assert_int_equal(list.outside_cpu, 2);
    assert_int_equal(list.outside_wall, 0);
    pando_profile_slice_list_release(&list);
    pando_profile_free(profile);
}

static const struct pando_codeguru_json_limits limits = {.body_bytes = 1 << 20, .depth_frames = 1000, .memory_bytes = 1 << 20};

static struct pando_profile *decode(const char *body)
{
    struct pando_profile *profile = NULL;
    char message[200];
    if (pando_codeguru_json_decode(body, strlen(body), &limits, &profile, message, sizeof message) != 0)
        fail_msg("%s", message);
    return profile;
}

static char *encode(const struct pando_profile *profile, int (*encoder)(const struct pando_profile *, struct pando_buffer *))
{
    struct pando_buffer out;
    size_t bytes;
    pando_buffer_init(&out, 1 << 20);
    assert_int_equal(encoder(profile, &out), 0);
    return pando_buffer_detach(&out, &bytes);
}

static void slices_travel_to_pando(void **state)
{
    (void)state;
    struct pando_profile *profile = sample();
    char *body = encode(profile, pando_codeguru_json_encode_extended);
    assert_non_null(strstr(body, "\"counts\":{\"CPU_TIME\":25,\"WAITING\":20},\"slices\":{"));
    assert_non_null(strstr(body, "{\"thread\":\"b;<\\\"\",\"labels\":{\"env\":\"prod\"}}"));
    assert_non_null(strstr(body, "\"objects\":[{\"name\":\"app\",\"path\":\"/usr/bin/app\",\"buildId\":\"00ff12\"},"));
    struct pando_profile *decoded = decode(body);
    check_views(decoded);
    assert_string_equal(decoded->strings[decoded->objects[0].build_id], "00ff12");
    assert_string_equal(decoded->strings[decoded->objects[1].path], "/opt/app");
    char *again = encode(decoded, pando_codeguru_json_encode_extended);
    struct pando_profile *twice = decode(again);
    check_views(twice);
    pando_profile_free(twice);
    free(again);
    pando_profile_free(decoded);
    free(body);
    pando_profile_free(profile);
}

/* Weights of lines travel with their function's key, and are those of the frame that the tree has. */
static void lines_travel_to_pando(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    uint32_t name = (uint32_t)pando_profile_builder_string(builder, "ns::f<int>(int)", 15), object = (uint32_t)pando_profile_builder_string(builder, "app", 3);
    uint32_t file = (uint32_t)pando_profile_builder_string(builder, "/src/f.cc", 9);
    uint32_t frame = (uint32_t)pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = name, .object = object, .file = file, .line_min = 3, .line_max = 9});
    int64_t node = pando_profile_builder_child(builder, 0, frame);
    pando_profile_builder_add_self(builder, (uint32_t)node, 12);
    pando_profile_builder_line(builder, (struct pando_profile_line){.frame = frame, .line = 9, .self = 4, .total = 5, .wall_self = 6, .wall_total = 7});
    pando_profile_builder_line(builder, (struct pando_profile_line){.frame = frame, .line = 3, .self = 8, .total = 8});
    *pando_profile_builder_meta(builder) = (struct pando_profile_meta){.end_wall_ms = 1, .weight_per_second = 100};
    uint32_t agent = (uint32_t)pando_profile_builder_string(builder, "Pando", 5);
    pando_profile_builder_meta(builder)->agent_type = agent;
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    char *body = encode(profile, pando_codeguru_json_encode_extended), *plain = encode(profile, pando_codeguru_json_encode);
    assert_non_null(strstr(body, "\"lines\":[{\"function\":\"app:ns::f<int>(int)\",\"file\":\"/src/f.cc\",\"weights\":[3,8,8,0,0,9,4,5,6,7]}]"));
    assert_null(strstr(plain, "weights\":[")); /* not to Amazon */
    struct pando_profile *decoded = decode(body);
    assert_int_equal(decoded->line_count, 2);
    assert_int_equal(decoded->lines[1].frame, decoded->nodes[1].frame);
    assert_int_equal(decoded->lines[1].line, 9);
    assert_int_equal(decoded->lines[1].wall_total, 7);
    pando_profile_free(decoded);
    free(plain);
    free(body);
    pando_profile_free(profile);
}

/* What Amazon's service gets is what it would have got of a profile without slices. */
static void slices_do_not_travel_to_amazon(void **state)
{
    (void)state;
    struct pando_profile *profile = sample(), *bare;
    assert_int_equal(pando_profile_select(profile, NULL, &bare), 0);
    assert_ptr_not_equal(bare, profile);
    char *body = encode(profile, pando_codeguru_json_encode), *bare_body = encode(bare, pando_codeguru_json_encode);
    assert_string_equal(body, bare_body);
    assert_null(strstr(body, "slice"));
    assert_null(strstr(body, "\"pando\""));
    free(body);
    free(bare_body);
    pando_profile_free(bare);
    pando_profile_free(profile);
}

static void profiles_with_slices_add_up(void **state)
{
    (void)state;
    struct pando_profile *profile = sample();
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pando_profile_builder_merge(builder, profile, 100), 0);
    struct pando_profile *sum = pando_profile_builder_finish(builder);
    struct pando_slice_list list;
    assert_int_equal(pando_profile_slice_list(sum, &list), 0);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.slices[0].cpu, 33);
    assert_int_equal(list.outside_cpu, 6);
    assert_int_equal(sum->object_count, 2);
    pando_profile_slice_list_release(&list);
    pando_profile_free(sum);
    pando_profile_free(profile);
}

static void check_refused(const char *graph, const char *extension, const char *expected)
{
    char body[8192], message[200] = "";
    struct pando_profile *profile;
    snprintf(body, sizeof body, "{\"start\":1,\"end\":2,\"agentMetadata\":{\"sampleWeights\":{\"WALL_TIME\":1.0},\"agentInfo\":{\"type\":\"Pando\"}},"
             "\"callgraph\":{\"children\":{\"f\":{%s}}},\"pando\":%s}", graph, extension);
    if (pando_codeguru_json_decode(body, strlen(body), &limits, &profile, message, sizeof message) == 0)
        fail_msg("taken: %s", body);
    if (strstr(message, expected) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, expected);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const char one[] = "{\"slices\":[{\"thread\":\"t\"}]}";
    check_refused("\"counts\":{\"WALL_TIME\":3},\"slices\":{\"0\":{\"WALL_TIME\":4}}", one, "more in \"slices\" than in \"counts\"");
    check_refused("\"slices\":{\"0\":{\"WALL_TIME\":1}},\"counts\":{}", one, "more in \"slices\" than in \"counts\"");
    check_refused("\"counts\":{\"WALL_TIME\":3},\"slices\":{\"1\":{\"WALL_TIME\":3}}", one, "not in the table pando.slices");
    check_refused("\"counts\":{\"WALL_TIME\":3},\"slices\":{\"x\":{\"WALL_TIME\":3}}", one, "not in the table pando.slices");
    check_refused("\"counts\":{\"WALL_TIME\":3},\"slices\":{\"\":{\"WALL_TIME\":3}}", one, "not in the table pando.slices");
    check_refused("\"slices\":[]", one, "\"slices\" must be an object");
    check_refused("\"slices\":{\"0\":3}", one, "each member of \"slices\" must be an object");
    check_refused("\"slices\":{\"0\":{\"WALL_TIME\":-1}}", one, "whole number");
    check_refused("\"slices\":{},\"slices\":{}", one, "twice");
    check_refused("", "3", "pando must be an object");
    check_refused("", "{\"slices\":3}", "pando.slices must be an array");
    check_refused("", "{\"slices\":[3]}", "must have objects only");
    check_refused("", "{\"slices\":[],\"slices\":[]}", "twice");
    check_refused("", "{\"slices\":[{\"tid\":-1}]}", "\"tid\" that is no whole number");
    check_refused("", "{\"slices\":[{\"tid\":4294967296}]}", "\"tid\" that is no whole number");
    check_refused("", "{\"slices\":[{\"thread\":1}]}", "\"thread\" that is not a string");
    check_refused("", "{\"slices\":[{\"thread\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}]}", "64 bytes");
    check_refused("", "{\"slices\":[{\"labels\":[]}]}", "\"labels\" that are no object");
    check_refused("", "{\"slices\":[{\"labels\":{\"\":\"v\"}}]}", "key is empty");
    check_refused("", "{\"slices\":[{\"labels\":{\"k\":1}}]}", "value is not a string");
    check_refused("", "{\"slices\":[{\"labels\":{\"k\":\"1\",\"k\":\"2\"}}]}", "one label twice");
    check_refused("", "{\"lines\":3}", "pando.lines must be an array");
    check_refused("", "{\"lines\":[],\"lines\":[]}", "twice");
    check_refused("", "{\"lines\":[{\"function\":1}]}", "that is no string");
    check_refused("", "{\"lines\":[{\"weights\":1}]}", "that are no array");
    check_refused("", "{\"lines\":[{\"weights\":[1,2,3,4]}]}", "five for each line");
    check_refused("", "{\"lines\":[{\"weights\":[1,2,3,4,-5]}]}", "five for each line");
    check_refused("", "{\"lines\":[{\"weights\":[0,2,3,4,5]}]}", "number is not from 1");
    check_refused("", "{\"objects\":[{\"name\":1}]}", "that is no string");
    check_refused("", "{\"objects\":[{\"buildId\":\"xy\"}]}", "hexadecimal");
    check_refused("", "{\"objects\":[{\"buildId\":\"abc\"}]}", "hexadecimal");
}

static void there_may_not_be_too_many(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct pando_buffer body;
        size_t bytes;
        pando_buffer_init(&body, 1 << 20);
        pando_buffer_append_format(&body, "{\"start\":1,\"end\":2,\"agentMetadata\":{\"sampleWeights\":{\"A\":1.0}},\"callgraph\":{},"
                                          "\"pando\":{\"%s\":[", which == 0 ? "slices" : "objects");
        for (int i = 0; i <= (which == 0 ? (int)PANDO_SLICES_MAX : (int)PANDO_PROFILE_OBJECTS_MAX); i++)
            pando_buffer_append_format(&body, which == 0 ? "%s{\"tid\":%d}" : "%s{\"path\":\"%d\"}", i == 0 ? "" : ",", i);
        pando_buffer_append_text(&body, "]}}");
        char *text = pando_buffer_detach(&body, &bytes), message[200];
        struct pando_profile *profile;
        assert_int_equal(pando_codeguru_json_decode(text, bytes, &limits, &profile, message, sizeof message), PANDO_ERR_LIMIT);
        assert_non_null(strstr(message, which == 0 ? "more than 4096 slices" : "more than 1024 objects"));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slice_has_one_name),
        cmocka_unit_test(hostile_bytes_become_text),
        cmocka_unit_test(what_render_does_not_make_is_no_slice),
        cmocka_unit_test(there_is_a_limit),
        cmocka_unit_test(views_select_slices),
        cmocka_unit_test(only_what_has_weight_stays),
        cmocka_unit_test(a_wish_has_a_form),
        cmocka_unit_test(slices_are_listed_by_weight),
        cmocka_unit_test(slices_travel_to_pando),
        cmocka_unit_test(lines_travel_to_pando),
        cmocka_unit_test(slices_do_not_travel_to_amazon),
        cmocka_unit_test(profiles_with_slices_add_up),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(there_may_not_be_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
