// link: pando_aws pando_base
/* Verification of signatures: AWS's own suite is taken, and each single change of a request or of its claim is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aws/sigv4.h"
#include "aws/sigv4_verify.h"
#include "base/error.h"
#include "sigv4_suite.h"

enum { SUITE_S = 1440938160, HEADERS = 12 };

static const char secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/* A request as it comes over the wire: with its date, its token and its claim. */
struct wire {
    struct suite_case one;
    struct pando_sigv4_header list[HEADERS];
    struct pando_sigv4_request request;
    struct pando_sigv4_claim claim;
};

static void put_on_wire(const struct suite_case *one, struct wire *wire)
{
    memset(wire, 0, sizeof *wire);
    wire->one = *one;
    for (size_t i = 0; i < one->headers_count; i++) { /* texts of the copy */
        wire->list[i].name = wire->one.headers[i];
        wire->list[i].value = wire->one.headers[i] + strlen(wire->one.headers[i]) + 1;
    }
    wire->request = suite_request(&wire->one);
    wire->request.headers = wire->list;
    struct pando_sigv4_signature signature;
    const struct pando_sigv4_key key = {"AKIDEXAMPLE", secret, one->token, "us-east-1", "service"};
    assert_int_equal(pando_sigv4_sign(&wire->request, &key, SUITE_S, &signature), 0);
    assert_string_equal(signature.hex, one->signature);
    assert_int_equal(pando_sigv4_claim_read(signature.authorization, &wire->claim), 0);
    size_t count = one->headers_count;
    wire->list[count++] = (struct pando_sigv4_header){"X-Amz-Date", "20150830T123600Z"};
    if (one->token[0] != '\0')
        wire->list[count++] = (struct pando_sigv4_header){"X-Amz-Security-Token", wire->one.token};
    wire->request.headers_count = count;
}

static int verify(const struct wire *wire)
{
    return pando_sigv4_verify(&wire->request, &wire->claim, secret);
}

static void must_refuse(const struct wire *wire, const char *what)
{
    int error = verify(wire);
    if (error != PANDO_ERR_REFUSED && error != PANDO_ERR_INVALID)
        fail_msg("%s: %s was taken (%d)", wire->one.name, what, error);
}

/* Each byte of a text, changed for one that means something else. Blanks and what path and query have in several spellings are
 * left alone: they mean the same. */
static void change_each(struct wire *wire, char *text, const char *what)
{
    for (char *at = text; *at != '\0'; at++) {
        char before = *at;
        if (strchr(" \t\r\n/.%&=+-", before) != NULL)
            continue;
        *at = before == 'x' ? 'y' : 'x';
        must_refuse(wire, what);
        *at = before;
    }
}

static void change_request(struct wire *wire)
{
    struct suite_case *one = &wire->one;
    change_each(wire, one->method, "another method");
    change_each(wire, one->body, "another body");
    if (strchr(one->query, '%') == NULL)
        change_each(wire, one->query, "another query");
    if (strchr(one->path, '.') == NULL)
        change_each(wire, one->path, "another path");
    for (size_t i = 0; i < one->headers_count; i++)
        change_each(wire, one->headers[i] + strlen(one->headers[i]) + 1, "another header");
    wire->request.body_bytes++; /* the NUL after it */
    must_refuse(wire, "a longer body");
    wire->request.body_bytes--;
    wire->request.headers_count--;
    must_refuse(wire, "without the last header");
    wire->request.headers_count++;
    assert_int_equal(verify(wire), 0);
}

static void change_claim(struct wire *wire)
{
    struct pando_sigv4_claim *claim = &wire->claim, good = *claim;
    for (size_t i = 0; i < PANDO_SIGV4_HEX_SIZE - 1; i++) {
        claim->signature[i] = claim->signature[i] == '0' ? '1' : '0';
        must_refuse(wire, "another signature");
        *claim = good;
    }
    strcpy(claim->day, "20150831");
    must_refuse(wire, "another day");
    *claim = good;
    strcpy(claim->region, "us-east-2");
    must_refuse(wire, "another region");
    *claim = good;
    strcpy(claim->service, "services");
    must_refuse(wire, "another service");
    *claim = good;
    strcpy(claim->signed_headers, "host");
    must_refuse(wire, "an unsigned date");
    *claim = good;
    strcat(claim->signed_headers, ";x-not-there");
    must_refuse(wire, "a header that is not there");
    *claim = good;
    assert_int_equal(pando_sigv4_verify(&wire->request, claim, "another secret"), PANDO_ERR_REFUSED);
}

static void the_official_suite(void **state)
{
    (void)state;
    FILE *file = fopen(PANDO_TEST_DATA "/sigv4/suite.txt", "r");
    assert_non_null(file);
    static struct suite_case one;
    static struct wire wire;
    int count = 0;
    for (; suite_read(file, &one); count++) {
        put_on_wire(&one, &wire);
        assert_int_equal(verify(&wire), 0);
        change_request(&wire);
        change_claim(&wire);
    }
    fclose(file);
    assert_int_equal(count, SUITE_CASES);
}

static struct wire plain;

static int make_plain(void **state)
{
    (void)state;
    struct suite_case one = {.name = "plain", .method = "GET", .path = "/x", .headers = {"Host\0example.com"}, .headers_count = 1,
                             .normalises = true};
    memset(&plain, 0, sizeof plain);
    plain.one = one;
    plain.list[0] = (struct pando_sigv4_header){"Host", "example.com"};
    plain.list[1] = (struct pando_sigv4_header){"X-Amz-Date", "20150830T123600Z"};
    plain.request = suite_request(&plain.one);
    plain.request.headers = plain.list;
    plain.request.headers_count = 1;
    struct pando_sigv4_signature signature;
    const struct pando_sigv4_key key = {"AKIDEXAMPLE", secret, "", "us-east-1", "service"};
    if (pando_sigv4_sign(&plain.request, &key, SUITE_S, &signature) != 0 ||
        pando_sigv4_claim_read(signature.authorization, &plain.claim) != 0)
        return -1;
    plain.request.headers_count = 2;
    return verify(&plain);
}

static void what_must_be_signed(void **state)
{
    (void)state;
    plain.list[2] = (struct pando_sigv4_header){"X-Amz-Target", "x"};
    plain.request.headers_count = 3;
    assert_int_equal(verify(&plain), PANDO_ERR_INVALID);
    plain.list[2].name = "Accept"; /* this need not be */
    assert_int_equal(verify(&plain), 0);
    plain.list[2] = plain.list[0]; /* which of the two would be meant? */
    assert_int_equal(verify(&plain), PANDO_ERR_INVALID);
    plain.list[2] = plain.list[1];
    assert_int_equal(verify(&plain), PANDO_ERR_INVALID);
    plain.list[2] = (struct pando_sigv4_header){"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"};
    assert_int_equal(verify(&plain), PANDO_ERR_INVALID);
    strcpy(plain.claim.signed_headers, "host;x-amz-content-sha256;x-amz-date");
    assert_int_equal(verify(&plain), PANDO_ERR_INVALID);
    plain.list[2].value = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; /* of nothing */
    assert_int_equal(verify(&plain), PANDO_ERR_REFUSED);
    strcpy(plain.claim.signed_headers, "x-amz-date");
    assert_int_equal(verify(&plain), PANDO_ERR_INVALID);
    struct pando_sigv4_header many[PANDO_SIGV4_HEADERS_MAX + 1];
    for (size_t i = 0; i <= PANDO_SIGV4_HEADERS_MAX; i++)
        many[i] = (struct pando_sigv4_header){"a", "b"};
    plain.request.headers = many;
    plain.request.headers_count = PANDO_SIGV4_HEADERS_MAX + 1;
    assert_int_equal(verify(&plain), PANDO_ERR_LIMIT);
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void claims(void **state)
{
    (void)state;
    struct pando_sigv4_claim claim;
    static const char good[] = "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=a;ab;b, Signature=" HEX64;
    assert_int_equal(pando_sigv4_claim_read(good, &claim), 0);
    assert_string_equal(claim.access_key_id, "AK");
    assert_string_equal(claim.day, "20261124");
    assert_string_equal(claim.region, "r");
    assert_string_equal(claim.service, "s");
    assert_string_equal(claim.signed_headers, "a;ab;b");
    assert_string_equal(claim.signature, HEX64);
    /* In any order, with or without blanks. */
    assert_int_equal(pando_sigv4_claim_read("AWS4-HMAC-SHA256 Signature=" HEX64 ",SignedHeaders=a,Credential=AK/20261124/r/s/aws4_request",
                                            &claim), 0);
    assert_int_equal(pando_sigv4_claim_read("Bearer x", &claim), PANDO_ERR_UNSUPPORTED);
    assert_int_equal(pando_sigv4_claim_read("", &claim), PANDO_ERR_UNSUPPORTED);
    static const char *const bad[] = {
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=a",
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=a, SignedHeaders=a, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=a, Signature=" HEX64 ",",
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=a, Signature=" HEX64 ", More=1",
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=a, Signature=" HEX64 "0",
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=a, Signature=0123",
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=b;a, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=a;a, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=a;, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_request, SignedHeaders=A, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=AK/2026112/r/s/aws4_request, SignedHeaders=a, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=AK/2026112x/r/s/aws4_request, SignedHeaders=a, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s/aws4_requests, SignedHeaders=a, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=AK/20261124/r/s, SignedHeaders=a, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=/20261124/r/s/aws4_request, SignedHeaders=a, Signature=" HEX64,
        "AWS4-HMAC-SHA256 Credential=AK/20261124//s/aws4_request, SignedHeaders=a, Signature=" HEX64,
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pando_sigv4_claim_read(bad[i], &claim) != PANDO_ERR_SYNTAX)
            fail_msg("taken: %s", bad[i]);
    for (size_t len = 0; len < sizeof good - 1; len++) { /* cut short anywhere */
        char cut[sizeof good];
        memcpy(cut, good, len);
        cut[len] = '\0';
        assert_int_not_equal(pando_sigv4_claim_read(cut, &claim), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_official_suite),
        cmocka_unit_test_setup(what_must_be_signed, make_plain),
        cmocka_unit_test(claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
