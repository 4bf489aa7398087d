// link: pando_uploader pando_base
/* Texts from outside that the uploader reads: AWS's files, errors, the judgement of an answer; and damage to them. */
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
#include "uploader/codeguru_endpoint.h"
#include "uploader/ini.h"
#include "uploader/response.h"
#include "uploader/signer.h"

static const char config[] = "# a comment\n; another\n[default]\nregion = eu-west-1 # mine\n[profile x]\r\nregion=one\r\n"
                             "s3 =\n  region = nested\n [profile y]\n[profile \"y\"]\nRegion\t=\ttwo;not a comment\nempty =\n"
                             "region = three\n[plain]\nregion = never\n[profile z\nregion = broken\nkey=\n[profile x]\nmore = 1";

static const char *value(const struct pando_ini *ini, const char *profile, const char *name)
{
    static char text[64];
    return pando_ini_get(ini, profile, name, text, sizeof text) == 0 ? text : NULL;
}

static void files(void **state)
{
    (void)state;
    struct pando_ini ini = {PANDO_INI_CONFIG, config, sizeof config - 1};
    assert_string_equal(value(&ini, "default", "region"), "eu-west-1");
    assert_string_equal(value(&ini, "x", "region"), "one");
    assert_string_equal(value(&ini, "x", "MORE"), "1");
    assert_null(value(&ini, "x", "s3"));
    assert_string_equal(value(&ini, "y", "region"), "three");
    assert_null(value(&ini, "y", "empty"));
    assert_null(value(&ini, "plain", "region"));
    assert_null(value(&ini, "z", "region"));
    assert_true(pando_ini_has(&ini, "x"));
    assert_false(pando_ini_has(&ini, "profile x"));
    ini.kind = PANDO_INI_CREDENTIALS;
    assert_string_equal(value(&ini, "plain", "region"), "never");
    assert_false(pando_ini_has(&ini, "x"));
    char small[4];
    assert_int_equal(pando_ini_get(&ini, "plain", "region", small, sizeof small), PANDO_ERR_LIMIT);
}

/* Under AddressSanitizer: no byte outside of the text is read, whatever it holds. */
static void damage(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        size_t len = 1 + (size_t)rand() % (sizeof config - 1);
        char *text = malloc(len), out[64], type[16];
        memcpy(text, config + rand() % (sizeof config - len), len);
        for (int k = rand() % 8; k > 0; k--)
            text[(size_t)rand() % len] = "[]=\n #;\"\\\0<>:"[rand() % 13];
        struct pando_ini ini = {rand() % 2 ? PANDO_INI_CONFIG : PANDO_INI_CREDENTIALS, text, len};
        pando_ini_get(&ini, rand() % 2 ? "x" : "default", "region", out, sizeof out);
        pando_response_error_type(text, len, type, sizeof type);
        pando_response_body_error_type(text, len, type, sizeof type);
        pando_response_quote(text, len, out, sizeof out);
        free(text);
    }
}

static void error_types(void **state)
{
    (void)state;
    static const struct {
        const char *header, *type;
    } headers[] = {{"ThrottlingException", "ThrottlingException"}, {"a.b#Name:http://x/", "Name"}, {"Name:http://x/#y", "Name"},
                   {"com.amazon#ExpiredTokenException", "ExpiredTokenException"}, {"", ""}, {"<html>", ""}, {"two words", ""}};
    static const struct {
        const char *body, *type;
    } bodies[] = {{"{\"__type\":\"ns#Name\",\"message\":\"code\"}", "Name"}, {"{\"code\":\"Name\"}", "Name"},
                  {"<Error><Code>Name</Code></Error>", "Name"}, {"<Code>Name", ""}, {"<Code></Code>", ""}, {"<html>no</html>", ""},
                  {"{\"code\":", ""}, {"", ""}};
    char type[32];
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        pando_response_error_type(headers[i].header, strlen(headers[i].header), type, sizeof type);
        assert_string_equal(type, headers[i].type);
    }
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        pando_response_body_error_type(bodies[i].body, strlen(bodies[i].body), type, sizeof type);
        assert_string_equal(type, bodies[i].type);
    }
}

static void judgements(void **state)
{
    (void)state;
    enum { NOW = 1800000000 };
    static const struct {
        long status;
        const char *type;
        int64_t date_s, offset_s;
        enum pando_signer_verdict verdict;
    } rows[] = {
        {204, "", NOW + 9000, 0, PANDO_SIGNATURE_NO_MATTER},
        {403, "InvalidSignatureException", NOW + 9000, 0, PANDO_SIGNATURE_CLOCK},
        {403, "InvalidSignatureException", NOW - 9000, 0, PANDO_SIGNATURE_CLOCK},
        {403, "InvalidSignatureException", NOW + 9000, 9000, PANDO_SIGNATURE_NO_MATTER}, /* tried already */
        {403, "InvalidSignatureException", NOW + 200, 0, PANDO_SIGNATURE_NO_MATTER},
        {403, "", 0, 0, PANDO_SIGNATURE_NO_MATTER},
        {400, "RequestExpired", NOW + 9000, 0, PANDO_SIGNATURE_CLOCK},
        {400, "ValidationException", NOW + 9000, 0, PANDO_SIGNATURE_NO_MATTER},
        {500, "", NOW + 9000, 0, PANDO_SIGNATURE_NO_MATTER},
        {403, "ExpiredTokenException", NOW, 0, PANDO_SIGNATURE_CREDENTIALS},
        {403, "UnrecognizedClientException", NOW, 0, PANDO_SIGNATURE_CREDENTIALS},
        {403, "AccessDeniedException", NOW, 0, PANDO_SIGNATURE_NO_MATTER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pando_http_answer answer = {.outcome = {.failure = PANDO_TRY_ANSWERED, .status = rows[i].status},
                                           .date_wall_s = rows[i].date_s, .body = ""};
        int64_t offset_s = 1;
        snprintf(answer.error_type, sizeof answer.error_type, "%s", rows[i].type);
        assert_int_equal(pando_signer_judge(&answer, NOW, rows[i].offset_s, &offset_s), rows[i].verdict);
        assert_int_equal(offset_s, rows[i].verdict == PANDO_SIGNATURE_CLOCK ? rows[i].date_s - NOW : 1);
    }
}

/* A block as base/environment.h makes them. */
static void endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *environment, *region, *url;
    } rows[] = {
        {"\0", "eu-west-1", "https://codeguru-profiler.eu-west-1.amazonaws.com"},
        {"AWS_USE_FIPS_ENDPOINT=True\0", "us-west-2", "https://codeguru-profiler-fips.us-west-2.amazonaws.com"},
        {"AWS_USE_DUALSTACK_ENDPOINT=true\0", "us-west-2", "https://codeguru-profiler.us-west-2.api.aws"},
        {"\0", "cn-north-1", "https://codeguru-profiler.cn-north-1.amazonaws.com.cn"},
        {"AWS_ENDPOINT_URL=http://all\0", "x", "http://all"},
        {"AWS_ENDPOINT_URL=http://all\0AWS_ENDPOINT_URL_CODEGURUPROFILER=http://one\0", "x", "http://one"},
        {"AWS_ENDPOINT_URL=http://all\0AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true\0", "x", "https://codeguru-profiler.x.amazonaws.com"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char url[128];
        assert_int_equal(pando_codeguru_url(rows[i].environment, rows[i].region, url, sizeof url), 0);
        assert_string_equal(url, rows[i].url);
        assert_int_equal(pando_codeguru_url(rows[i].environment, rows[i].region, url, 8), PANDO_ERR_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files), cmocka_unit_test(damage), cmocka_unit_test(error_types), cmocka_unit_test(judgements),
        cmocka_unit_test(endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
