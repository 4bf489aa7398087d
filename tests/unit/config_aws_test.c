// link: pando_base
/* Group, region and signing out of AWS's variables: their order, and one sentence for what cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/config_aws.c" /* it is no library's */
#include "base/environment.h"

#define ARN "AWS_CODEGURU_PROFILER_GROUP_ARN=arn:aws:codeguru-profiler:eu-west-2:123456789012:profilingGroup/of-arn"
#define NAME "AWS_CODEGURU_PROFILER_GROUP_NAME=of-name"

/* Sets only these, separated by blanks. */
static void set(const char *variables)
{
    static char text[1024];
    clearenv();
    strcpy(text, variables);
    for (char *one = strtok(text, " "); one != NULL; one = strtok(NULL, " "))
        putenv(one);
}

static void who_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *variables, *url, *group_before, *group, *region;
        bool signs;
    } rows[] = {
        {ARN, "", "", "of-arn", "eu-west-2", true},
        {NAME, "", "", "of-name", "", true},
        {ARN " " NAME, "", "", "of-arn", "eu-west-2", true},
        {ARN " " NAME, "", "own", "own", "eu-west-2", true},
        {ARN " AWS_REGION=r-1 AWS_CODEGURU_PROFILER_TARGET_REGION=r-2", "", "", "of-arn", "eu-west-2", true},
        {NAME " AWS_DEFAULT_REGION=r-3 AWS_REGION=r-1 AWS_CODEGURU_PROFILER_TARGET_REGION=r-2", "", "", "of-name", "r-2", true},
        {NAME " AWS_DEFAULT_REGION=r-3 AWS_REGION=r-1", "", "", "of-name", "r-1", true},
        {NAME " AWS_DEFAULT_REGION=r-3", "", "", "of-name", "r-3", true},
        {"AWS_REGION=r-1", "http://127.0.0.1:8080", "", "", "r-1", false},
        {"AWS_REGION=r-1", "https://codeguru-profiler.us-west-2.amazonaws.com", "g", "g", "us-west-2", true},
        {ARN, "https://codeguru-profiler-fips.us-west-2.api.aws/x", "g", "g", "us-west-2", true},
        {"AWS_REGION=r-1", "https://vpce-1.codeguru-profiler.us-west-2.vpce.amazonaws.com:443", "g", "g", "r-1", true},
        {"AWS_REGION=r-1", "https://amazonaws.com.example.org/.amazonaws.com", "g", "g", "r-1", false},
        {"AWS_REGION=r-1", "https://x.example.org/?.api.aws", "g", "g", "r-1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pando_door_settings door = {0};
        char problem[PANDO_CONFIG_SENTENCE_BYTES] = "";
        set(rows[i].variables);
        strcpy(door.url, rows[i].url);
        strcpy(door.group, rows[i].group_before);
        print_message("%s %s\n", rows[i].variables, rows[i].url);
        assert_int_equal(pando_config_aws_read(&door, problem), 0);
        assert_string_equal(door.group, rows[i].group);
        assert_string_equal(door.region, rows[i].region);
        assert_int_equal(door.signs, rows[i].signs);
    }
}

static void what_cannot_be(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "AWS_CODEGURU_PROFILER_GROUP_ARN=group", "AWS_CODEGURU_PROFILER_GROUP_ARN=arn:aws:s3:eu-west-2:1:profilingGroup/x",
        "AWS_CODEGURU_PROFILER_GROUP_ARN=arn:aws:codeguru-profiler::1:profilingGroup/x",
        "AWS_CODEGURU_PROFILER_GROUP_ARN=arn:aws:codeguru-profiler:eu-west-2:1:profilingGroup/",
        "AWS_CODEGURU_PROFILER_GROUP_ARN=arn:aws:codeguru-profiler:eu-west-2:1:profilingGroup/a/b",
        "AWS_CODEGURU_PROFILER_GROUP_ARN=arn:", "AWS_CODEGURU_PROFILER_GROUP_NAME=a/b", "AWS_REGION=evil.example.org/",
        "AWS_REGION=EU", "AWS_CODEGURU_PROFILER_TARGET_REGION=a@b",
        "AWS_REGION=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pando_door_settings door = {0};
        char problem[PANDO_CONFIG_SENTENCE_BYTES] = "";
        set(rows[i]);
        print_message("%s\n", rows[i]);
        assert_int_equal(pando_config_aws_read(&door, problem), PANDO_ERR_INVALID);
        assert_true(strlen(problem) > 20);
    }
}

static void what_switches_it_on(void **state)
{
    (void)state;
    set("AWS_REGION=eu-west-1");
    assert_false(pando_config_aws_asks());
    set(NAME);
    assert_true(pando_config_aws_asks());
    set(ARN " AWS_CODEGURU_PROFILER_ENABLED=TRUE");
    assert_true(pando_config_aws_asks());
    set(ARN " AWS_CODEGURU_PROFILER_ENABLED=no");
    assert_false(pando_config_aws_asks());
}

static void the_copy_of_the_environment(void **state)
{
    (void)state;
    char block[200];
    set("HOME=/h AWS_A=1 OTHER=2 PANDO_X= NO_PROXY=n HOMER=3");
    assert_int_equal(pando_environment_capture(block, sizeof block), 0);
    set("AWS_A=changed");
    assert_string_equal(pando_environment_get(block, "AWS_A"), "1");
    assert_string_equal(pando_environment_get(block, "HOME"), "/h");
    assert_string_equal(pando_environment_get(block, "NO_PROXY"), "n");
    assert_null(pando_environment_get(block, "PANDO_X"));
    assert_null(pando_environment_get(block, "OTHER"));
    assert_null(pando_environment_get(block, "HOMER"));
    assert_null(pando_environment_get(block, "AWS_"));
    assert_string_equal(pando_environment_get(NULL, "AWS_A"), "changed");
    /* What does not fit is left out whole, and what comes after it is not. */
    set("AWS_LONG=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx AWS_B=2");
    assert_int_equal(pando_environment_capture(block, 20), 1);
    assert_null(pando_environment_get(block, "AWS_LONG"));
    assert_string_equal(pando_environment_get(block, "AWS_B"), "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_and_where), cmocka_unit_test(what_cannot_be), cmocka_unit_test(what_switches_it_on),
        cmocka_unit_test(the_copy_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
