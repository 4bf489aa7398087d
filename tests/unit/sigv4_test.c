// link: pando_aws pando_base
/* Signatures against AWS's own test suite, one of this service made by botocore, and what must not be signed at all. */
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
#include "aws/aws_time.h"
#include "aws/sigv4.h"
#include "sigv4_suite.h"

enum { SUITE_S = 1440938160 };

static void the_official_suite(void **state)
{
    (void)state;
    FILE *file = fopen(PANDO_TEST_DATA "/sigv4/suite.txt", "r");
    assert_non_null(file);
    static struct suite_case one;
    int count = 0;
    for (; suite_read(file, &one); count++) {
        struct pando_sigv4_request request = suite_request(&one);
        struct pando_sigv4_key key = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", one.token, "us-east-1",
                                      "service"};
        struct pando_buffer canonical, names;
        pando_buffer_init(&canonical, 65536);
        pando_buffer_init(&names, 2048);
        print_message("%s\n", one.name);
        assert_int_equal(pando_sigv4_canonical(&request, "20150830T123600Z", one.token, &canonical, &names), 0);
        assert_string_equal(canonical.bytes, one.canonical);
        struct pando_sigv4_signature signature;
        assert_int_equal(pando_sigv4_sign(&request, &key, SUITE_S, &signature), 0);
        assert_string_equal(signature.hex, one.signature);
        assert_string_equal(signature.amz_date, "20150830T123600Z");
        pando_buffer_release(&canonical);
        pando_buffer_release(&names);
    }
    fclose(file);
    assert_int_equal(count, SUITE_CASES);
}

static const struct pando_sigv4_header post_headers[] = {
    {"Content-Type", "application/json"}, {"Host", "codeguru-profiler.us-west-2.amazonaws.com"}};

static const char post_body[] = "{\"start\":1700000000000,\"end\":1700000300000}";

static const struct pando_sigv4_request post = {
    .method = "POST", .path = "/profilingGroups/MyGroup/agentProfile",
    .query = "profileToken=6d1e8a22-db0c-48a4-930a-f61a321e489c", .headers = post_headers, .headers_count = 2,
    .body = post_body, .body_bytes = sizeof post_body - 1};

static const struct pando_sigv4_key post_key = {"AKIDEXAMPLE", "secret", "TOKEN", "us-west-2", "codeguru-profiler"};

/* Made by botocore 1.43.11. */
static void a_profile_for_this_service(void **state)
{
    (void)state;
    struct pando_sigv4_signature signature;
    assert_int_equal(pando_sigv4_sign(&post, &post_key, 1795478400, &signature), 0);
    assert_string_equal(signature.amz_date, "20261124T000000Z");
    assert_string_equal(signature.authorization,
                        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/us-west-2/codeguru-profiler/aws4_request, "
                        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
                        "Signature=b74340d6f6b3a01cab51191a3ef3e35db45d4fa3b54ae14ae25e02faef0be0f4");
}

/* A path that is percent-encoded on the wire is encoded again; what a proxy may change does not matter. */
static void the_wire_form_is_encoded_twice(void **state)
{
    (void)state;
    const struct pando_sigv4_header headers[] = {{"Host", "h"}, {"Expect", ""}, {"User-Agent", "x"}, {"Connection", "close"}};
    struct pando_sigv4_request request = {.method = "GET", .path = "/tags/arn%3Aaws%2Fx", .query = "b=%3a&a&b=:&a=%zz&c=1+2",
                                          .headers = headers, .headers_count = 4};
    struct pando_buffer canonical, names;
    pando_buffer_init(&canonical, 65536);
    pando_buffer_init(&names, 2048);
    assert_int_equal(pando_sigv4_canonical(&request, "d", NULL, &canonical, &names), 0);
    assert_string_equal(canonical.bytes,
                        "GET\n/tags/arn%253Aaws%252Fx\na=&a=%25zz&b=%3A&b=%3A&c=1%2B2\nhost:h\nx-amz-date:d\n\nhost;x-amz-date\n"
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    pando_buffer_release(&canonical);
    pando_buffer_release(&names);
}

static int sign_with(const struct pando_sigv4_request *request, const struct pando_sigv4_key *key)
{
    struct pando_sigv4_signature signature;
    return pando_sigv4_sign(request, key, SUITE_S, &signature);
}

static void what_cannot_be_signed_is_refused(void **state)
{
    (void)state;
    struct pando_sigv4_request request = post;
    request.headers_count = 1; /* without Host */
    assert_int_equal(sign_with(&request, &post_key), PANDO_ERR_INVALID);
    const struct pando_sigv4_header dated[] = {{"Host", "h"}, {"X-Amz-Date", "x"}}, tokened[] = {{"Host", "h"},
        {"X-AMZ-Security-Token", "x"}}, bad[] = {{"Host", "h"}, {"a b", "x"}};
    request.headers_count = 2;
    request.headers = dated;
    assert_int_equal(sign_with(&request, &post_key), PANDO_ERR_INVALID);
    request.headers = bad;
    assert_int_equal(sign_with(&request, &post_key), PANDO_ERR_INVALID);
    request.headers = tokened;
    assert_int_equal(sign_with(&request, &post_key), PANDO_ERR_INVALID);
    struct pando_sigv4_key key = post_key;
    key.session_token = NULL;
    assert_int_equal(sign_with(&request, &key), 0); /* it is not ours then */
    key.access_key_id = "a,b";
    assert_int_equal(sign_with(&post, &key), PANDO_ERR_INVALID);
    key = post_key;
    key.region = "";
    assert_int_equal(sign_with(&post, &key), PANDO_ERR_INVALID);
    char *large = malloc(PANDO_SIGV4_CANONICAL_MAX_BYTES + 10);
    memset(large, 'x', PANDO_SIGV4_CANONICAL_MAX_BYTES + 9);
    large[PANDO_SIGV4_CANONICAL_MAX_BYTES + 9] = '\0';
    key = post_key;
    key.secret = large;
    assert_int_equal(sign_with(&post, &key), PANDO_ERR_LIMIT);
    key.secret = post_key.secret;
    key.session_token = large;
    assert_int_equal(sign_with(&post, &key), PANDO_ERR_LIMIT);
    request = post;
    request.path = large;
    assert_int_equal(sign_with(&request, &post_key), PANDO_ERR_LIMIT);
    request.path = post.path;
    for (size_t i = 0; i < 400; i++)
        memcpy(large + 2 * i, i < 399 ? "a&" : "a", 2);
    request.query = large;
    assert_int_equal(sign_with(&request, &post_key), PANDO_ERR_LIMIT);
    free(large);
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wall_s;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},          {"2015-08-30T12:36:00Z", SUITE_S},         {"2026-11-24T00:00:00.123456Z", 1795478400},
        {"2024-02-29T23:59:59+00:00", 1709251199}, {"2026-11-24T01:30:00+01:30", 1795478400}, {"2026-11-23T22:00:00-0200", 1795478400},
        {"9999-12-31T23:59:59Z", 253402300799},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t wall_s = -1;
        assert_int_equal(pando_aws_time_parse(good[i].text, &wall_s), 0);
        assert_int_equal(wall_s, good[i].wall_s);
    }
    static const char *const bad[] = {"", "2026", "2026-13-01T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T00:00:00",
                                      "2026-11-24T00:00:00Zx", "1969-12-31T23:59:59Z", "2026-11-24", "x026-11-24T00:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t wall_s = -1;
        assert_int_equal(pando_aws_time_parse(bad[i], &wall_s), PANDO_ERR_SYNTAX);
        assert_int_equal(wall_s, -1);
    }
    /* Back and forth, a day and a second at a time, over leap years and centuries. */
    for (int64_t wall_s = 0; wall_s < 8000000000; wall_s += 86401) {
        char made[PANDO_AWS_TIME_SIZE], text[32];
        int64_t back = -1;
        pando_aws_time_format(wall_s, made);
        snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", made, made + 4, made + 6, made + 9, made + 11, made + 13);
        assert_int_equal(pando_aws_time_parse(text, &back), 0);
        assert_int_equal(back, wall_s);
    }
}

static void times_in_milliseconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wall_ms;
    } good[] = {{"2020-06-01T13:15:02.001Z", 1591017302001}, {"2020-06-01T13:15:02.0019Z", 1591017302001},
                {"2020-06-01T13:15:02.5Z", 1591017302500},   {"2020-06-01T13:15:02Z", 1591017302000},
                {"2020-06-01T13:15:02.Z", 1591017302000},    {"1970-01-01T00:00:00.250+00:01", -59750}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t wall_ms = -1, wall_s = -1;
        assert_int_equal(pando_aws_time_parse_ms(good[i].text, &wall_ms), 0);
        assert_int_equal(wall_ms, good[i].wall_ms);
        assert_int_equal(pando_aws_time_parse(good[i].text, &wall_s), 0);
        assert_int_equal(wall_s, good[i].wall_ms >= 0 ? good[i].wall_ms / 1000 : -60);
    }
    char text[PANDO_AWS_TIME_MS_SIZE];
    pando_aws_time_format_ms(1591017302001, text);
    assert_string_equal(text, "2020-06-01T13:15:02.001Z");
    pando_aws_time_format_ms(UINT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    int64_t wall_s = -1;
    assert_int_equal(pando_aws_time_parse_compact("20261124T000000Z", &wall_s), 0);
    assert_int_equal(wall_s, 1795478400);
    static const char *const bad[] = {"", "20261124T000000", "20261124T000000Zx", "20261324T000000Z", "2026-11-24T00:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(pando_aws_time_parse_compact(bad[i], &wall_s), PANDO_ERR_SYNTAX);
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t s;
    } good[] = {{"PT5M", 300}, {"PT1H", 3600}, {"P1D", 86400}, {"P1DT1H1M1S", 90061}, {"P1W", 604800}, {"PT300S", 300}, {"P0DT1S", 1}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t ms = 0;
        assert_int_equal(pando_aws_duration_parse(good[i].text, &ms), 0);
        assert_int_equal(ms, good[i].s * 1000);
    }
    static const char *const bad[] = {"", "P", "PT", "P1DT", "5M", "PT5", "PT5X", "P1Y", "P1M", "PT1M1H", "PT1H1H", "PT0S", "P-1D",
                                      "PT1.5S", "pt5m", "PT5M ", "P1000000000W", "PT99999999999999999999S"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t ms = 7;
        assert_int_equal(pando_aws_duration_parse(bad[i], &ms), PANDO_ERR_SYNTAX);
        assert_int_equal(ms, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_official_suite),
        cmocka_unit_test(a_profile_for_this_service),
        cmocka_unit_test(the_wire_form_is_encoded_twice),
        cmocka_unit_test(what_cannot_be_signed_is_refused),
        cmocka_unit_test(times),
        cmocka_unit_test(times_in_milliseconds),
        cmocka_unit_test(durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
