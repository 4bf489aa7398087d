// link: pando_cli pando_receiver pando_profile pando_base
/* The parts of the `pando` command that can be tried without running it: cli/. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/report_json.h"
#include "cli/target_check.h"
#include "cli/terminal_text.h"
#include "cli/time_text.h"
#include "cli/top_table.h"
#include "receiver/tree_json.h"
#include "profile/weights.h"

/* main(1) -> f(20) -> f(30) -> g(4); main -> g(40) -> f(5) */
static const char RECURSIVE[] =
    "{\"group\":\"web\",\"startMs\":1000,\"endMs\":2000,\"profiles\":3,\"samples\":100,\"totalNs\":100,\"cpuTimeNs\":110,"
    "\"overheadNs\":7000000,\"counters\":{\"samplesDropped\":3},"
    "\"frames\":[{\"name\":\"\",\"object\":\"\"},{\"name\":\"main\",\"object\":\"a\"},{\"name\":\"f\",\"object\":\"a\"},"
    "{\"name\":\"g\",\"object\":\"lib.so\",\"file\":\"g.c\",\"line\":7}],"
    "\"nodes\":{\"parent\":[0,0,1,2,3,1,5],\"frame\":[0,1,2,2,3,3,2],\"selfNs\":[0,1,20,30,4,40,5]}}";

static struct pando_profile *decode(const char *text)
{
    struct pando_profile *profile = NULL;
    uint64_t count = 0;
    char message[256] = "";
    if (pando_tree_json_decode(text, strlen(text), &profile, &count, message, sizeof message) != 0) {
        assert_null(profile);
        assert_true(message[0] != '\0');
        return NULL;
    }
    return profile;
}

static uint32_t frame_named(const struct pando_profile *profile, const char *name)
{
    for (uint32_t i = 0; i < profile->frame_count; i++) {
        if (strcmp(profile->strings[profile->frames[i].name], name) == 0)
            return i;
    }
    fail_msg("no frame %s", name);
    return 0;
}

static void test_recursion_counts_once(void **state)
{
    (void)state;
    struct pando_profile *profile = decode(RECURSIVE);
    assert_non_null(profile);
    assert_int_equal(profile->meta.samples, 100);
    assert_int_equal(profile->meta.overhead_cpu_ms, 7);
    struct pando_weights weights;
    assert_int_equal(pando_weights_make(profile, &weights), 0);
    uint32_t m = frame_named(profile, "main"), f = frame_named(profile, "f"), g = frame_named(profile, "g");
    assert_int_equal(weights.total, 100);
    assert_int_equal(weights.frame_self[m], 1);
    assert_int_equal(weights.frame_total[m], 100);
    assert_int_equal(weights.frame_self[f], 55);
    assert_int_equal(weights.frame_total[f], 59);
    assert_int_equal(weights.frame_self[g], 44);
    assert_int_equal(weights.frame_total[g], 49);
    uint32_t top[2];
    assert_int_equal(pando_weights_top(profile, &weights, 2, top), 2);
    assert_int_equal(top[0], f);
    assert_int_equal(top[1], g);
    assert_int_equal(pando_weights_top(profile, &weights, 0, top), 0);
    pando_weights_release(&weights);
    pando_profile_free(profile);
}

static char *printed(const char *json, int (*print)(FILE *, const struct pando_profile *, const struct pando_weights *))
{
    struct pando_profile *profile = decode(json);
    assert_non_null(profile);
    struct pando_weights weights;
    assert_int_equal(pando_weights_make(profile, &weights), 0);
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_int_equal(print(out, profile, &weights), 0);
    fclose(out);
    pando_weights_release(&weights);
    pando_profile_free(profile);
    return text;
}

static int print_table(FILE *out, const struct pando_profile *profile, const struct pando_weights *weights)
{
    return pando_top_table_print(out, profile, weights, "CPU time", 2);
}

static int print_tree(FILE *out, const struct pando_profile *profile, const struct pando_weights *weights)
{
    return pando_tree_print(out, profile, weights, 5);
}

static int print_json(FILE *out, const struct pando_profile *profile, const struct pando_weights *weights)
{
    const struct pando_shown shown = {.profile = (struct pando_profile *)(uintptr_t)profile};
    return pando_report_json_print(out, "web", &shown, weights, 3, 1);
}

static void test_texts(void **state)
{
    (void)state;
    char *text = printed(RECURSIVE, print_table);
    assert_string_equal(text, "  self %  total %  self CPU time  function\n"
                              "    55.0     59.0         0.00 s  f  (a)\n"
                              "    44.0     49.0         0.00 s  g  (lib.so)\n");
    free(text);
    text = printed(RECURSIVE, print_tree);
    assert_string_equal(text, " total %   self %  call tree\n"
                              "   100.0      1.0  main  (a)\n"
                              "    54.0     20.0   f  (a)\n"
                              "    34.0     30.0    f  (a)\n"
                              "    45.0     40.0   g  (lib.so)\n"
                              "     5.0      5.0    f  (a)\n");
    free(text);
    text = printed(RECURSIVE, print_json);
    assert_non_null(strstr(text, "{\"group\": \"web\", \"totalNs\": 100, \"samples\": 100, \"profiles\": 3"));
    assert_non_null(strstr(text, "\"top\": [{\"name\": \"f\", \"object\": \"a\", \"selfNs\": 55, \"totalNs\": 59"));
    free(text);
}

static void test_an_empty_tree(void **state)
{
    (void)state;
    static const char empty[] = "{\"frames\":[{\"name\":\"\"}],\"nodes\":{\"parent\":[0],\"frame\":[0],\"selfNs\":[0]}}";
    char *text = printed(empty, print_table);
    assert_string_equal(text, "  self %  total %  self CPU time  function\n");
    free(text);
    free(printed(empty, print_tree));
}

static void test_bad_trees(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "[]", "{}", "null", "{\"frames\":[]}", "{\"frames\":{},\"nodes\":{}}",
        /* a parent that comes later, itself, negative, text; a frame there is not; arrays of different length */
        "{\"frames\":[{\"name\":\"a\"}],\"nodes\":{\"parent\":[0,2,0],\"frame\":[0,0,0],\"selfNs\":[0,1,1]}}",
        "{\"frames\":[{\"name\":\"a\"}],\"nodes\":{\"parent\":[0,1],\"frame\":[0,0],\"selfNs\":[0,1]}}",
        "{\"frames\":[{\"name\":\"a\"}],\"nodes\":{\"parent\":[0,-1],\"frame\":[0,0],\"selfNs\":[0,1]}}",
        "{\"frames\":[{\"name\":\"a\"}],\"nodes\":{\"parent\":[0,\"0\"],\"frame\":[0,0],\"selfNs\":[0,1]}}",
        "{\"frames\":[{\"name\":\"a\"}],\"nodes\":{\"parent\":[0,0],\"frame\":[0,1],\"selfNs\":[0,1]}}",
        "{\"frames\":[{\"name\":\"a\"}],\"nodes\":{\"parent\":[0,0],\"frame\":[0],\"selfNs\":[0,1]}}",
        "{\"frames\":[{\"name\":\"a\"}],\"nodes\":{\"parent\":[0,0],\"frame\":[0,0],\"selfNs\":[0,-1]}}",
        "{\"frames\":[{\"name\":\"a\"}],\"nodes\":{\"parent\":[0,0],\"frame\":[0,0],\"selfNs\":[0,1.5]}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_null(decode(bad[i]));
    for (size_t len = 0; len < strlen(RECURSIVE); len++) {
        char *cut = strndup(RECURSIVE, len);
        assert_null(decode(cut));
        free(cut);
    }
}

/* 100 000 calls deep: nothing here may recurse. */
static void test_a_deep_tree(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *json = NULL;
    size_t len;
    FILE *out = open_memstream(&json, &len);
    fputs("{\"frames\":[{\"name\":\"\"},{\"name\":\"f\"}],\"nodes\":{\"parent\":[0", out);
    for (int i = 0; i < DEPTH; i++)
        fprintf(out, ",%d", i);
    fputs("],\"frame\":[0", out);
    for (int i = 0; i < DEPTH; i++)
        fputs(",1", out);
    fputs("],\"selfNs\":[0", out);
    for (int i = 0; i < DEPTH; i++)
        fputs(",1", out);
    fputs("]}}", out);
    fclose(out);
    char *text = printed(json, print_table);
    assert_string_equal(text, "  self %  total %  self CPU time  function\n   100.0    100.0         0.00 s  f\n");
    free(text);
    free(printed(json, print_tree));
    free(json);
}

static void expect_safe(const char *text, const char *expected)
{
    char safe[64];
    pando_terminal_text(text, safe, sizeof safe);
    assert_string_equal(safe, expected);
}

static void test_terminal_text(void **state)
{
    (void)state;
    expect_safe("std::sort<int>", "std::sort<int>");
    expect_safe("a\x1b[31mb\r\n\tc\x7f", "a?[31mb???c?");
    expect_safe("\xc2\x9b"
                "31m", "?31m");
    expect_safe("a\xe2\x80\xae" "b\xe2\x81\xa6" "c", "a?b?c");
    expect_safe("na\xc3\xafve \xe2\x82\xac", "na\xc3\xafve \xe2\x82\xac");
    char safe[5];
    pando_terminal_text("abc\xc3\xa4", safe, sizeof safe);
    assert_string_equal(safe, "abc");
}

static void test_times(void **state)
{
    (void)state;
    uint64_t ms = 0;
    assert_true(pando_time_span("90s", &ms) && ms == 90000);
    assert_true(pando_time_span("10m", &ms) && ms == 600000);
    assert_true(pando_time_span("2h", &ms) && ms == 7200000);
    assert_true(pando_time_span("7d", &ms) && ms == 604800000);
    assert_true(pando_time_point("0", &ms) && ms == 0);
    assert_true(pando_time_point("1700000000123", &ms) && ms == 1700000000123);
    assert_true(pando_time_point("2023-11-14T22:13:20Z", &ms) && ms == 1700000000000);
    assert_true(pando_time_point("2023-11-14", &ms) && ms == 1699920000000);
    static const char *const bad[] = {"", "s", "5", "5 m", "-5m", "5mm", "99999999999999999999s"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pando_time_span(bad[i], &ms));
    static const char *const bad_points[] = {"", "yesterday", "2023-13-01", "2023-11-14T22:13:20+01:00", "12x"};
    for (size_t i = 0; i < sizeof bad_points / sizeof bad_points[0]; i++)
        assert_false(pando_time_point(bad_points[i], &ms));
}

static const char *value_of(char **environment, const char *name)
{
    const char *found = NULL;
    for (char **entry = environment; *entry != NULL; entry++) {
        if (strncmp(*entry, name, strlen(name)) == 0 && (*entry)[strlen(name)] == '=') {
            assert_null(found); /* once only */
            found = *entry + strlen(name) + 1;
        }
    }
    return found;
}

static void test_environment(void **state)
{
    (void)state;
    char *old[] = {"HOME=/root", "LD_PRELOAD=/lib/a.so:/lib/b.so", "PANDO_RATE_HZ=7", "PANDO_URL=http://old", "PANDO_LOG=/x",
                   "LD_PRELOADED=no", "odd", NULL};
    struct pando_environment_settings settings = {
        .library = "/l/libpando.so", .url = "http://new", .group = "g", .interval_s = "3", .rate_hz = NULL, .log = "/y"};
    char **made = pando_environment_make(old, &settings);
    assert_non_null(made);
    assert_string_equal(value_of(made, "HOME"), "/root");
    assert_string_equal(value_of(made, "LD_PRELOAD"), "/l/libpando.so:/lib/a.so:/lib/b.so");
    assert_string_equal(value_of(made, "LD_PRELOADED"), "no");
    assert_string_equal(value_of(made, "PANDO_URL"), "http://new");
    assert_string_equal(value_of(made, "PANDO_GROUP"), "g");
    assert_string_equal(value_of(made, "PANDO_RATE_HZ"), "7");
    assert_string_equal(value_of(made, "PANDO_LOG"), "/y");
    pando_environment_free(made);
    char *none[] = {"LD_PRELOAD=", NULL};
    made = pando_environment_make(none, &settings);
    assert_string_equal(value_of(made, "LD_PRELOAD"), "/l/libpando.so");
    assert_null(value_of(made, "PANDO_RATE_HZ"));
    pando_environment_free(made);
}

static void test_listen_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        int port;
    } good[] = {{"0.0.0.0:80", "0.0.0.0", 80}, {":81", "def", 81}, {"localhost", "localhost", 9}, {"[::1]:82", "::1", 82},
                {"[::]", "::", 9}, {"h:0", "h", 0}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char host[32] = "def";
        uint16_t port = 9;
        assert_true(pando_cli_listen_address("--listen", good[i].text, host, sizeof host, &port));
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
    static const char *const bad[] = {"::1", "h:", "h:x", "h:65536", "[::1", "[::1]x", "h:-1",
                                      "a-host-name-that-is-longer-than-the-room-for-it:80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char host[32] = "def";
        uint16_t port = 9;
        assert_false(pando_cli_listen_address("--listen", bad[i], host, sizeof host, &port));
    }
    char url[64];
    pando_cli_local_url("::", 8, true, url, sizeof url);
    assert_string_equal(url, "https://[::1]:8");
    pando_cli_local_url("0.0.0.0", 8, false, url, sizeof url);
    assert_string_equal(url, "http://127.0.0.1:8");
}

static void write_file(const char *path, const void *bytes, size_t len, mode_t mode)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void test_targets(void **state)
{
    (void)state;
    char path[4096], folder[] = "/tmp/pando-cli-test-XXXXXX", file[64], old_path[4096], script[128];
    assert_int_equal(pando_target_check("sh", path, sizeof path), PANDO_TARGET_DYNAMIC);
    assert_int_equal(pando_target_check("/bin/sh", path, sizeof path), PANDO_TARGET_DYNAMIC);
    assert_int_equal(pando_target_check("no-such-program-here", path, sizeof path), PANDO_TARGET_UNKNOWN);
    assert_int_equal(pando_target_check("/", path, sizeof path), PANDO_TARGET_UNKNOWN);
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/prog", folder);

    unsigned char elf[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1}; /* no program headers: nothing for a loader */
    elf[16] = 2;    /* ET_EXEC */
    elf[18] = 0x3e; /* x86-64 */
    write_file(file, elf, sizeof elf, 0700);
    assert_int_equal(pando_target_check(file, path, sizeof path), PANDO_TARGET_STATIC);
    assert_non_null(strstr(pando_target_reason(PANDO_TARGET_STATIC), "statically linked"));
    write_file(file, elf, sizeof elf, 04700);
    assert_int_equal(pando_target_check(file, path, sizeof path), PANDO_TARGET_PRIVILEGED);
    elf[18] = 0xb7;
    write_file(file, elf, sizeof elf, 0700);
    assert_int_equal(pando_target_check(file, path, sizeof path), PANDO_TARGET_OTHER_MACHINE);
    elf[18] = 0x3e;
    elf[56] = 3; /* program headers that are not there */
    elf[54] = 56;
    write_file(file, elf, sizeof elf, 0700);
    assert_int_equal(pando_target_check(file, path, sizeof path), PANDO_TARGET_UNKNOWN);
    write_file(file, elf, 20, 0700);
    assert_int_equal(pando_target_check(file, path, sizeof path), PANDO_TARGET_UNKNOWN);

    snprintf(script, sizeof script, "#! /bin/sh -e\nexit\n");
    write_file(file, script, strlen(script), 0700);
    assert_int_equal(pando_target_check(file, path, sizeof path), PANDO_TARGET_DYNAMIC);
    assert_string_equal(path, "/bin/sh");

    /* Found as execvp finds it. */
    snprintf(old_path, sizeof old_path, "%s", getenv("PATH"));
    char search[128];
    snprintf(search, sizeof search, "/nonexistent::%s", folder);
    setenv("PATH", search, 1);
    assert_int_equal(pando_target_check("prog", path, sizeof path), PANDO_TARGET_DYNAMIC);
    setenv("PATH", old_path, 1);
    unlink(file);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recursion_counts_once),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_an_empty_tree),
        cmocka_unit_test(test_bad_trees),
        cmocka_unit_test(test_a_deep_tree),
        cmocka_unit_test(test_terminal_text),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_listen_addresses),
        cmocka_unit_test(test_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
