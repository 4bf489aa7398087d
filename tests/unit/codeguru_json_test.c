// link: pando_profile pando_base jansson
/* The CodeGuru body: what is written, what is read, what is refused and with which words. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/error.h"
#include "profile/codeguru_json.h"

static const struct pando_codeguru_json_limits limits = {
    .body_bytes = 64 << 20, .depth_frames = 1000, .memory_bytes = 64 << 20};

static uint32_t text(struct pando_profile_builder *builder, const char *bytes)
{
    return (uint32_t)pando_profile_builder_string(builder, bytes, strlen(bytes));
}

static uint32_t child(struct pando_profile_builder *builder, uint32_t parent, const char *object, const char *name,
                      const char *file, uint32_t line, uint64_t self)
{
    struct pando_profile_frame frame = {.name = text(builder, name), .object = text(builder, object),
                                        .file = text(builder, file), .line_min = line, .line_max = line};
    uint32_t node = (uint32_t)pando_profile_builder_child(builder, parent,
                                                          (uint32_t)pando_profile_builder_frame(builder, frame));
    pando_profile_builder_add_self(builder, node, self);
    return node;
}

static struct pando_profile_builder *new_builder(void)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(64 << 20);
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    meta->start_wall_ms = 1700000000000;
    meta->end_wall_ms = 1700000300000;
    meta->active_ms = 300000;
    meta->agent_start_wall_ms = 1700000000123;
    meta->weight_per_second = 99.5;
    meta->cpu_time_s = 1.25;
    meta->mean_threads = 3;
    meta->samples = 77;
    meta->overhead_cpu_ms = 256;
    meta->overhead_memory_mib = 4;
    meta->pid = 12756;
    meta->vcpus = 2;
    meta->counter_name = text(builder, "WALL_TIME");
    meta->runtime_version = text(builder, "glibc 2.36");
    meta->agent_type = text(builder, "Pando");
    meta->agent_version = text(builder, "0.1.0");
    meta->process_name = text(builder, "server");
    meta->host_name = text(builder, "box");
    strcpy(meta->fleet_id, "6d1e8a22-db0c-48a4-930a-f61a321e489c");
    return builder;
}

static char *encode(const struct pando_profile *profile, size_t *ret_bytes)
{
    struct pando_buffer out;
    pando_buffer_init(&out, 64 << 20);
    assert_int_equal(pando_codeguru_json_encode(profile, &out), 0);
    return pando_buffer_detach(&out, ret_bytes);
}

static char *encode_and_free(struct pando_profile_builder *builder)
{
    size_t bytes;
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    char *body = encode(profile, &bytes);
    pando_profile_free(profile);
    return body;
}

static struct pando_profile *decode(const char *body)
{
    char message[200];
    struct pando_profile *profile = NULL;
    int error = pando_codeguru_json_decode(body, strlen(body), &limits, &profile, message, sizeof message);
    if (error != 0)
        fail_msg("%d %s", error, message);
    assert_string_equal(message, "");
    return profile;
}

static void the_form_is_exact(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = new_builder();
    uint32_t main_node = child(builder, 0, "server", "main", "/src/main.c", 10, 0);
    uint32_t work = child(builder, main_node, "libwork.so", "work", "/src/work.c", 42, 5);
    child(builder, main_node, "libwork.so", "work", "/src/work.c", 44, 2);
    child(builder, work, "libc.so.6", "[libc.so.6+0x1234]", "", 0, 1);
    pando_profile_builder_add_counter(builder, "droppedRingFull", 12);
    pando_profile_builder_add_counter(builder, "sdkClientErrors", 2);
    char *body = encode_and_free(builder);
    assert_string_equal(
        body,
        "{\"start\":1700000000000,\"end\":1700000300000,\"agentMetadata\":{\"sampleWeights\":{\"WALL_TIME\":99.5},"
        "\"durationInMs\":300000,\"fleetInfo\":{\"id\":\"6d1e8a22-db0c-48a4-930a-f61a321e489c\",\"type\":\"UNKNOWN\","
        "\"vCPUs\":2},\"agentInfo\":{\"type\":\"Pando\",\"version\":\"0.1.0\"},\"agentOverhead\":{\"memoryInMB\":4,"
        "\"timeInMs\":256},\"runtimeVersion\":\"glibc 2.36\",\"cpuTimeInSeconds\":1.25,\"metrics\":{\"numThreads\":3.0},"
        "\"numTimesSampled\":77},\"callgraph\":{\"children\":{\"server:main\":{\"file\":\"/src/main.c\",\"line\":[10],"
        "\"children\":{\"libwork.so:work\":{\"counts\":{\"WALL_TIME\":7},\"file\":\"/src/work.c\",\"line\":[42,44],"
        "\"children\":{\"[libc.so.6+0x1234]\":{\"counts\":{\"WALL_TIME\":1}}}}}}}},\"debugInfo\":{"
        "\"agentStartTime\":\"2023-11-14T22:13:20.123Z\",\"processId\":12756,\"errorsCount\":{\"errorsCount\":0,"
        "\"sdkClientErrors\":2,\"configureAgentErrors\":0,\"configureAgentRnfeAutoCreateEnabledErrors\":0,"
        "\"createProfilingGroupErrors\":0,\"postAgentProfileErrors\":0,\"postAgentProfileRnfeAutoCreateEnabledErrors\":0},"
        "\"genericMetrics\":{\"droppedRingFull\":12.0},\"processName\":\"server\",\"hostName\":\"box\"}}");
    free(body);
}

static void an_empty_profile_is_well_formed(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    char *body = encode_and_free(builder);
    assert_non_null(strstr(body, "\"callgraph\":{},"));
    assert_non_null(strstr(body, "{\"start\":0,\"end\":1,"));
    assert_non_null(strstr(body, "\"sampleWeights\":{\"WALL_TIME\":1.0}"));
    pando_profile_free(decode(body));
    free(body);
}

/* Where the system has no such locale, one is made for the occasion. */
static bool set_decimal_comma(void)
{
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL)
        return true;
    char folder[] = "/tmp/pando-locale-XXXXXX", command[200];
    if (mkdtemp(folder) == NULL)
        return false;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
    bool made = system(command) == 0;
    setenv("LOCPATH", folder, 1);
    bool set = made && setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
    unsetenv("LOCPATH");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 && set;
}

static void a_decimal_comma_does_not_get_in(void **state)
{
    (void)state;
    if (!set_decimal_comma())
        skip();
    assert_string_equal(localeconv()->decimal_point, ",");
    char *body = encode_and_free(new_builder());
    struct pando_profile *profile = decode(body);
    assert_string_equal(localeconv()->decimal_point, ",");
    setlocale(LC_NUMERIC, "C");
    assert_non_null(strstr(body, "{\"WALL_TIME\":99.5}"));
    assert_true(profile->meta.weight_per_second == 99.5);
    pando_profile_free(profile);
    free(body);
}

static void siblings_of_one_key_are_one(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = new_builder();
    /* "a:b" can be an object and a name, or a name alone; below them the same again, and a file in one of them only. */
    uint32_t one = child(builder, 0, "a", "b", "", 0, 1);
    uint32_t other = child(builder, 0, "", "a:b", "f.c", 3, 10);
    child(builder, one, "x", "y", "g.c", 1, 100);
    child(builder, other, "x", "y", "g.c", 9, 1000);
    child(builder, other, "x", "z", "", 0, 5);
    child(builder, one, "x", "y", "other.c", 77, 10000);
    char *body = encode_and_free(builder);
    assert_non_null(strstr(body, "\"callgraph\":{\"children\":{\"a:b\":{\"counts\":{\"WALL_TIME\":11},\"file\":\"f.c\",\"line\":[3],"
                                 "\"children\":{\"x:y\":{\"counts\":{\"WALL_TIME\":11100},\"file\":\"g.c\",\"line\":[1,9]},"
                                 "\"x:z\":{\"counts\":{\"WALL_TIME\":5}}}}}}"));
    free(body);
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = new_builder();
    uint32_t main_node = child(builder, 0, "server", "main", "/src/main.c", 10, 3);
    uint32_t odd = child(builder, main_node, "libx.so", "std::map<int, \"q\\\n\x01\x7f\xc3\xa9>::at(int)", "", 0, 4);
    child(builder, odd, "", "<Truncated>", "", 0, 1);
    child(builder, odd, "", "std::sort", "", 0, UINT64_MAX);
    child(builder, odd, "libx.so", "[libx.so+0x10]", "", 0, 9);
    pando_profile_builder_add_counter(builder, "dropped", 12);
    struct pando_profile *before = pando_profile_builder_finish(builder);
    size_t bytes, again_bytes;
    char *body = encode(before, &bytes);
    struct pando_profile *after = decode(body);
    assert_int_equal(after->node_count, before->node_count);
    for (uint32_t i = 0; i < before->node_count; i++) {
        const struct pando_profile_frame *b = &before->frames[before->nodes[i].frame];
        const struct pando_profile_frame *a = &after->frames[after->nodes[i].frame];
        assert_int_equal(after->nodes[i].parent, before->nodes[i].parent);
        assert_true(after->nodes[i].self == before->nodes[i].self);
        assert_string_equal(after->strings[a->name], before->strings[b->name]);
        assert_string_equal(after->strings[a->object], before->strings[b->object]);
        assert_string_equal(after->strings[a->file], before->strings[b->file]);
        assert_int_equal(a->line_min, b->line_min);
        assert_int_equal(a->line_max, b->line_max);
    }
    assert_int_equal(after->meta.agent_start_wall_ms, 1700000000123);
    assert_string_equal(after->strings[after->meta.host_name], "box");
    assert_string_equal(after->meta.fleet_id, before->meta.fleet_id);
    char *again = encode(after, &again_bytes);
    assert_string_equal(again, body);
    free(again);
    free(body);
    pando_profile_free(before);
    pando_profile_free(after);
}

/* As the encoder of aws/amazon-codeguru-profiler-python-agent 1.2.6 writes it. */
static const char python_body[] =
    "{\"start\": 1700000000000, \"end\": 1700000300000, \"agentMetadata\": {\"sampleWeights\": {\"WALL_TIME\": 0.00333}, "
    "\"durationInMs\": 300000, \"fleetInfo\": {\"id\": \"6d1e8a22-db0c-48a4-930a-f61a321e489c\", \"type\": \"UNKNOWN\", "
    "\"vCPUs\": 2}, \"agentInfo\": {\"type\": \"CodeGuruProfiler-python\", \"version\": \"1.2.6\"}, \"agentOverhead\": "
    "{\"memoryInMB\": 0, \"timeInMs\": 256}, \"runtimeVersion\": \"3.11.7\", \"cpuTimeInSeconds\": 0.0206, \"metrics\": "
    "{\"numThreads\": 3.0}, \"numTimesSampled\": 1}, \"callgraph\": {\"children\": {\"main:<module>\": {\"file\": "
    "\"/app/main.py\", \"line\": [10], \"children\": {\"lib.w:Worker:work\": {\"counts\": {\"WALL_TIME\": 1}, \"file\": "
    "\"/app/lib/w.py\", \"line\": [42, 44], \"children\": {\"<Sleep>\": {\"counts\": {\"WALL_TIME\": 1}}}}}}}}, "
    "\"debugInfo\": {\"agentStartTime\": \"2023-11-14T22:13:20.000Z\", \"processId\": 12756, \"errorsCount\": "
    "{\"errorsCount\": 1}, \"genericMetrics\": {\"runProfiler_timings_max\": 0.002, \"x\": 5.0}}}";

static void the_python_agent_is_understood(void **state)
{
    (void)state;
    struct pando_profile *profile = decode(python_body);
    assert_int_equal(profile->node_count, 4);
    const struct pando_profile_frame *work = &profile->frames[profile->nodes[2].frame];
    assert_string_equal(profile->strings[work->name], "lib.w:Worker:work");
    assert_int_equal(work->object, 0);
    assert_int_equal(work->line_min, 42);
    assert_int_equal(work->line_max, 44);
    assert_int_equal(profile->nodes[2].self, 1);
    assert_true(profile->meta.weight_per_second == 0.00333);
    assert_int_equal(profile->meta.pid, 12756);
    assert_int_equal(profile->counter_count, 0);
    pando_profile_free(profile);
}

static void nameless_functions_keep_their_object(void **state)
{
    (void)state;
    static const struct {
        const char *key, *object;
    } cases[] = {{"[libx.so+0x4a10]", "libx.so"}, {"[a+b+0x1]", "a+b"},   {"[unknown+0x7f00]", ""}, {"[anon]", ""},
                 {"[+0x1]", ""},                  {"[libx.so+0x]", ""},   {"[0x12]", ""},           {"[]", ""},
                 {"[x+0xg]", ""},                 {"libx.so:f", "libx.so"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[512];
        snprintf(body, sizeof body, "{\"start\":1,\"end\":2,\"agentMetadata\":{\"agentInfo\":{\"type\":\"Pando\"},"
                 "\"sampleWeights\":{\"A\":5}},\"callgraph\":{\"children\":{\"%s\":{\"counts\":{\"A\":1}}}}}", cases[i].key);
        struct pando_profile *profile = decode(body);
        assert_string_equal(profile->strings[profile->frames[profile->nodes[1].frame].object], cases[i].object);
        pando_profile_free(profile);
    }
}

#define HEAD "{\"start\":1,\"end\":2,\"agentMetadata\":{\"sampleWeights\":{\"A\":10.0,\"B\":100.0}},\"callgraph\":"

static void members_may_come_in_any_order(void **state)
{
    (void)state;
    struct pando_profile *profile = decode(
        "{\"callgraph\":{\"children\":{\"m:f\":{\"children\":{\"m:g\":{\"line\":[0,7],\"counts\":{\"A\":2}}},\"counts\":{\"A\":1},"
        "\"file\":\"f.c\"}}},\"debugInfo\":{\"genericMetrics\":{\"dropped\":3}},\"agentMetadata\":{\"agentInfo\":{\"type\":\"Pando\"},"
        "\"sampleWeights\":{\"A\":5}},\"end\":2,\"new\":[{\"a\":[1,2,{}]},null,true],\"start\":1}");
    assert_int_equal(profile->node_count, 3);
    assert_string_equal(profile->strings[profile->frames[profile->nodes[1].frame].file], "f.c");
    assert_string_equal(profile->strings[profile->frames[profile->nodes[1].frame].object], "m");
    assert_int_equal(profile->frames[profile->nodes[2].frame].line_max, 7);
    assert_int_equal(profile->counters[0].value, 3);
    pando_profile_free(profile);
}

static void counters_are_brought_to_one_unit(void **state)
{
    (void)state;
    struct pando_profile *profile =
        decode(HEAD "{\"children\":{\"f\":{\"counts\":{\"A\":1,\"B\":25,\"HEAP\":1000}},\"f\":{\"counts\":{\"A\":4}}}}}");
    assert_int_equal(profile->node_count, 2); /* a child given twice is one */
    assert_int_equal(profile->nodes[1].self, 1 + 3 + 4); /* 25 * 10 / 100, rounded */
    pando_profile_free(profile);
}

static void wrong_bodies_are_named(void **state)
{
    (void)state;
#define META "\"agentMetadata\":{\"sampleWeights\":{\"A\":1}}"
#define NODE(members) HEAD "{\"children\":{\"f\":{" members "}}}}"
    static const struct {
        const char *body;
        int error;
        const char *says;
    } cases[] = {
        {"", PANDO_ERR_SYNTAX, "The body is no JSON"},
        {"nonsense", PANDO_ERR_SYNTAX, "The body is no JSON"},
        {"[]", PANDO_ERR_INVALID, "The body must be a JSON object"},
        {"{}", PANDO_ERR_INVALID, "start is missing"},
        {"{\"start\":1," META ",\"callgraph\":{}}", PANDO_ERR_INVALID, "end is missing"},
        {"{\"start\":1,\"end\":2,\"callgraph\":{}}", PANDO_ERR_INVALID, "agentMetadata is missing"},
        {"{\"start\":1,\"end\":2," META "}", PANDO_ERR_INVALID, "callgraph is missing"},
        {"{\"start\":2,\"end\":2," META ",\"callgraph\":{}}", PANDO_ERR_INVALID, "end must be after start"},
        {"{\"start\":-1,\"end\":2," META ",\"callgraph\":{}}", PANDO_ERR_INVALID, "start must be a whole number"},
        {"{\"start\":1.0,\"end\":2," META ",\"callgraph\":{}}", PANDO_ERR_INVALID, "start must be a whole number"},
        {"{\"start\":\"1\",\"end\":2," META ",\"callgraph\":{}}", PANDO_ERR_INVALID, "start must be a whole number"},
        {"{\"start\":1,\"end\":99999999999999999999," META ",\"callgraph\":{}}", PANDO_ERR_INVALID, "end must be"},
        {"{\"start\":1,\"start\":1,\"end\":2," META ",\"callgraph\":{}}", PANDO_ERR_INVALID, "start is given twice"},
        {"{\"start\":1,\"end\":2,\"agentMetadata\":{},\"callgraph\":{}}", PANDO_ERR_INVALID, "sampleWeights is missing"},
        {"{\"start\":1,\"end\":2,\"agentMetadata\":[],\"callgraph\":{}}", PANDO_ERR_INVALID, "agentMetadata must be an object"},
        {"{\"start\":1,\"end\":2,\"agentMetadata\":{\"sampleWeights\":{\"A\":0}},\"callgraph\":{}}", PANDO_ERR_INVALID, "above 0"},
        {"{\"start\":1,\"end\":2,\"agentMetadata\":{\"sampleWeights\":{\"A\":1e999}},\"callgraph\":{}}", PANDO_ERR_INVALID, "above 0"},
        {"{\"start\":1,\"end\":2,\"agentMetadata\":{\"sampleWeights\":{\"A\":-1}},\"callgraph\":{}}", PANDO_ERR_INVALID, "above 0"},
        {"{\"start\":1,\"end\":2,\"agentMetadata\":{\"sampleWeights\":{\"A\":1,\"A\":1}},\"callgraph\":{}}", PANDO_ERR_INVALID, "twice"},
        {"{\"start\":1,\"end\":2,\"agentMetadata\":{\"durationInMs\":-5},\"callgraph\":{}}", PANDO_ERR_INVALID,
         "agentMetadata.durationInMs must be a whole number"},
        {"{\"start\":1,\"end\":2,\"agentMetadata\":{\"agentInfo\":{\"type\":7}},\"callgraph\":{}}", PANDO_ERR_INVALID,
         "agentMetadata.agentInfo.type must be a string"},
        {"{\"start\":1,\"end\":2,\"agentMetadata\":{\"cpuTimeInSeconds\":NaN},\"callgraph\":{}}", PANDO_ERR_SYNTAX, "no JSON value"},
        {HEAD "[]}", PANDO_ERR_INVALID, "callgraph must be an object"},
        {HEAD "null}", PANDO_ERR_INVALID, "callgraph must be an object"},
        {HEAD "{\"children\":[]}}", PANDO_ERR_INVALID, "\"children\" must be an object"},
        {HEAD "{\"children\":{\"f\":1}}}", PANDO_ERR_INVALID, "each frame in \"children\" must be an object"},
        {NODE("\"counts\":1"), PANDO_ERR_INVALID, "\"counts\" must be an object"},
        {NODE("\"counts\":{\"A\":-1}"), PANDO_ERR_INVALID, "each value in \"counts\""},
        {NODE("\"counts\":{\"A\":1.5}"), PANDO_ERR_INVALID, "each value in \"counts\""},
        {NODE("\"counts\":{\"A\":99999999999999999999}"), PANDO_ERR_INVALID, "each value in \"counts\""},
        {NODE("\"counts\":{\"A\":1,\"A\":1}"), PANDO_ERR_INVALID, "counter twice"},
        {NODE("\"counts\":{\"A\":1},\"counts\":{\"A\":1}"), PANDO_ERR_INVALID, "twice"},
        {NODE("\"line\":[-1]"), PANDO_ERR_INVALID, "each value in \"line\""},
        {NODE("\"line\":[4294967296]"), PANDO_ERR_INVALID, "each value in \"line\""},
        {NODE("\"line\":3"), PANDO_ERR_INVALID, "\"line\" must be an array"},
        {NODE("\"file\":3"), PANDO_ERR_INVALID, "\"file\" must be a string"},
        {HEAD "{}} x", PANDO_ERR_SYNTAX, "something after the end"},
        {HEAD "{}", PANDO_ERR_SYNTAX, "an end too soon"},
        {HEAD "{},}", PANDO_ERR_SYNTAX, "no member name"},
        {HEAD "{\"children\":{\"\xff\":{}}}}", PANDO_ERR_SYNTAX, "not UTF-8"},
        {HEAD "{},\"debugInfo\":3}", PANDO_ERR_INVALID, "debugInfo must be an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[200] = "unset";
        struct pando_profile *profile = NULL;
        int error = pando_codeguru_json_decode(cases[i].body, strlen(cases[i].body), &limits, &profile, message,
                                               sizeof message);
        if (error != cases[i].error || strstr(message, cases[i].says) == NULL)
            fail_msg("%s -> %d %s", cases[i].body, error, message);
        assert_null(profile);
        assert_int_equal(message[strlen(message) - 1], '.');
    }
}

static char *nested(uint32_t frames)
{
    struct pando_profile_builder *builder = new_builder();
    uint32_t node = 0;
    for (uint32_t i = 0; i < frames; i++)
        node = child(builder, node, "app", "recurse", "", 0, 0);
    pando_profile_builder_add_self(builder, node, 1);
    return encode_and_free(builder);
}

static void depth_is_bounded_by_the_limit_alone(void **state)
{
    (void)state;
    char message[200];
    struct pando_profile *profile = NULL;
    char *body = nested(1000);
    profile = decode(body);
    assert_int_equal(profile->node_count, 1001);
    pando_profile_free(profile);
    profile = NULL;
    free(body);
    body = nested(1001);
    assert_int_equal(pando_codeguru_json_decode(body, strlen(body), &limits, &profile, message, sizeof message),
                     PANDO_ERR_LIMIT);
    assert_string_equal(message, "callgraph is deeper than 1000 frames.");
    struct pando_codeguru_json_limits deep = limits;
    deep.depth_frames = 10000;
    free(body);
    body = nested(10000);
    assert_int_equal(pando_codeguru_json_decode(body, strlen(body), &deep, &profile, message, sizeof message), 0);
    pando_profile_free(profile);
    free(body);
    size_t levels = 1000000;
    body = malloc(levels + 1);
    memset(body, '[', levels);
    body[levels] = '\0';
    assert_int_equal(pando_codeguru_json_decode(body, levels, &limits, &profile, message, sizeof message), PANDO_ERR_INVALID);
    body[0] = '{';
    memcpy(body + 1, "\"x\":", 4);
    assert_int_equal(pando_codeguru_json_decode(body, levels, &limits, &profile, message, sizeof message), PANDO_ERR_LIMIT);
    free(body);
}

static void size_is_bounded(void **state)
{
    (void)state;
    char message[200];
    struct pando_profile *profile = NULL;
    struct pando_profile_builder *builder = new_builder();
    for (int i = 0; i < 20000; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d", i);
        child(builder, 0, "app", name, "", 0, 1);
    }
    char *body = encode_and_free(builder);
    struct pando_codeguru_json_limits small = {.body_bytes = 100, .depth_frames = 100, .memory_bytes = 64 << 20};
    assert_int_equal(pando_codeguru_json_decode(body, strlen(body), &small, &profile, message, sizeof message),
                     PANDO_ERR_LIMIT);
    assert_string_equal(message, "The body is larger than 100 bytes.");
    small = (struct pando_codeguru_json_limits){.body_bytes = 1 << 30, .depth_frames = 100, .memory_bytes = 300000};
    assert_int_equal(pando_codeguru_json_decode(body, strlen(body), &small, &profile, message, sizeof message),
                     PANDO_ERR_LIMIT);
    assert_string_equal(message, "callgraph has too many frames: over 300000 bytes of memory.");
    free(body);
    struct pando_buffer out;
    pando_buffer_init(&out, 500);
    profile = pando_profile_builder_finish(new_builder());
    assert_int_equal(pando_codeguru_json_encode(profile, &out), PANDO_ERR_LIMIT);
    pando_profile_free(profile);
    pando_buffer_release(&out);
}

/* Every truncation and many damaged bodies: no crash, no leak (run under the sanitizers), and the verdict on the syntax is
 * jansson's. */
static void damaged_bodies_are_judged_as_jansson_does(void **state)
{
    (void)state;
    size_t len = sizeof python_body - 1;
    char *body = malloc(len + 1);
    uint32_t seed = 1;
    for (uint32_t round = 0; round < 6000; round++) {
        memcpy(body, python_body, len + 1);
        size_t used = round < len ? round : len;
        for (uint32_t damage = 0; round >= len && damage < 1 + round % 3; damage++) {
            seed = seed * 1664525u + 1013904223u;
            static const char bytes[] = "{}[]\",:0-1.eE\\u\x01\xff\xc3 tfn/";
            body[(seed >> 8) % len] = bytes[(seed >> 4) % (sizeof bytes - 1)];
        }
        char message[200];
        struct pando_profile *profile = NULL;
        char *exact = malloc(used); /* so that one byte too far is seen */
        memcpy(exact, body, used);
        int error = pando_codeguru_json_decode(exact, used, &limits, &profile, message, sizeof message);
        json_error_t why;
        json_t *theirs = json_loadb(exact, used, 0, &why);
        bool theirs_is_json = theirs != NULL || json_error_code(&why) == json_error_numeric_overflow ||
                              strstr(why.text, "invalid Unicode") != NULL || json_error_code(&why) == json_error_null_character;
        if (error == 0 && !theirs_is_json)
            fail_msg("accepted what jansson refuses (%s): %.*s", why.text, (int)used, exact);
        if (error == PANDO_ERR_SYNTAX && theirs != NULL)
            fail_msg("refused what jansson accepts (%s): %.*s", message, (int)used, exact);
        json_decref(theirs);
        pando_profile_free(profile);
        free(exact);
    }
    free(body);
}

static void escapes_are_read(void **state)
{
    (void)state;
    struct pando_profile *profile =
        decode(HEAD "{\"children\":{\"\\u00e9\\ud83c\\udf33\\ud800\\n\\/\\\\\\\"\\u0000\":{\"counts\":{\"A\":1}}}}}");
    assert_string_equal(profile->strings[profile->frames[profile->nodes[1].frame].name],
                        "\xc3\xa9\xf0\x9f\x8c\xb3\xef\xbf\xbd\n/\\\"\xef\xbf\xbd");
    pando_profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_is_exact),
        cmocka_unit_test(an_empty_profile_is_well_formed),
        cmocka_unit_test(a_decimal_comma_does_not_get_in),
        cmocka_unit_test(siblings_of_one_key_are_one),
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(the_python_agent_is_understood),
        cmocka_unit_test(members_may_come_in_any_order),
        cmocka_unit_test(nameless_functions_keep_their_object),
        cmocka_unit_test(counters_are_brought_to_one_unit),
        cmocka_unit_test(wrong_bodies_are_named),
        cmocka_unit_test(depth_is_bounded_by_the_limit_alone),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(damaged_bodies_are_judged_as_jansson_does),
        cmocka_unit_test(escapes_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
