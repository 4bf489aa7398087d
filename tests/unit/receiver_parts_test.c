// link: pando_receiver pando_profile pando_base PkgConfig::ZLIB
/* The receiver's small pure parts: which Host is ours, and how much a gzip body may hide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/error.h"
#include "receiver/gzip_body.h"
#include "receiver/host_check.h"
#include "receiver/routes.h"

static void test_hosts(void **state)
{
    (void)state;
    const struct pando_host_rule local = {.listen_host = "127.0.0.2", .more_names = "pando.example,box"};
    static const char *const good[] = {"127.0.0.1", "127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8080",
                                       "127.0.0.2:99", "pando.example", "Pando.Example:80", "box"};
    static const char *const bad[] = {"", ":80", "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil",
                                      "evil.localhost", "pando.example.evil", "pando", "bo", "box,pando.example", ",", "10.0.0.1",
                                      "127.0.0.1:80x", "127.0.0.1@evil", "[::1]x", "[::1", "localhost:80:80", "localhost "};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!pando_host_is_ours(&local, good[i]))
            fail_msg("%s is ours", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pando_host_is_ours(&local, bad[i]))
            fail_msg("%s is not ours", bad[i]);
    assert_false(pando_host_is_ours(&local, NULL));
    char longer[400];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_false(pando_host_is_ours(&local, longer));

    const struct pando_host_rule remote = {.listen_host = "0.0.0.0", .more_names = NULL, .allow_remote = true};
    assert_true(pando_host_is_ours(&remote, "10.1.2.3:8080"));
    assert_true(pando_host_is_ours(&remote, "[2001:db8::1]:8080"));
    assert_false(pando_host_is_ours(&remote, "evil.example:8080"));
    assert_false(pando_host_is_ours(&remote, "1.2.3.4.evil.example"));
}

static void test_origins(void **state)
{
    (void)state;
    assert_true(pando_origin_is_ours(NULL, "localhost:80"));
    assert_true(pando_origin_is_ours("http://localhost:80", "localhost:80"));
    assert_false(pando_origin_is_ours("http://localhost:81", "localhost:80"));
    assert_false(pando_origin_is_ours("http://evil.example", "localhost:80"));
    assert_false(pando_origin_is_ours("null", "localhost:80"));
    assert_false(pando_origin_is_ours("", "localhost:80"));
    assert_false(pando_origin_is_ours("file://", "localhost:80"));
}

static void test_names(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'a', sizeof name);
    name[255] = '\0';
    assert_true(pando_is_name(name, 255));
    assert_false(pando_is_name(name, 254));
    assert_true(pando_is_name("a-Z_09", 64));
    assert_false(pando_is_name("", 64));
    assert_false(pando_is_name("a b", 64));
    assert_false(pando_is_name("a\n", 64));
    assert_false(pando_is_name("\xc3\xa9", 64));
}

/* A gzip stream of `len` bytes. */
static unsigned char *pack(const char *bytes, size_t len, size_t *ret_len)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, len);
    unsigned char *out = malloc(room);
    stream.next_in = (Bytef *)bytes;
    stream.avail_in = (uInt)len;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *ret_len = stream.total_out;
    deflateEnd(&stream);
    return out;
}

static int unpack(const unsigned char *bytes, size_t len, size_t max_bytes, size_t *ret_len)
{
    struct pando_buffer out;
    pando_buffer_init(&out, max_bytes);
    char *copy = malloc(len + 1); /* a sanitizer sees reads behind the end */
    memcpy(copy, bytes, len);
    int error = pando_gzip_unpack(copy, len, &out);
    *ret_len = out.len_bytes;
    free(copy);
    pando_buffer_release(&out);
    return error;
}

static void test_gzip(void **state)
{
    (void)state;
    enum { PLAIN = 500000, BOMB = 64 << 20 };
    size_t len, got;
    char *plain = malloc(PLAIN);
    for (size_t i = 0; i < PLAIN; i++)
        plain[i] = (char)('a' + (i * i / 7) % 23);
    unsigned char *packed = pack(plain, PLAIN, &len);
    assert_int_equal(unpack(packed, len, PLAIN, &got), 0);
    assert_int_equal(got, PLAIN);
    assert_int_equal(unpack(packed, len, PLAIN - 1, &got), PANDO_ERR_LIMIT);
    assert_int_equal(unpack(packed, len - 1, PLAIN, &got), PANDO_ERR_SYNTAX);
    assert_int_equal(unpack(packed, 0, PLAIN, &got), PANDO_ERR_SYNTAX);
    unsigned char *twice = malloc(2 * len);
    memcpy(twice, packed, len);
    memcpy(twice + len, packed, len);
    assert_int_equal(unpack(twice, 2 * len, 2 * PLAIN, &got), PANDO_ERR_SYNTAX); /* one body, one stream */
    packed[len - 6] ^= 0x55; /* the checksum */
    assert_int_equal(unpack(packed, len, PLAIN, &got), PANDO_ERR_SYNTAX);
    assert_int_equal(unpack((const unsigned char *)"{\"start\":1}", 11, PLAIN, &got), PANDO_ERR_SYNTAX);
    free(twice);
    free(packed);
    free(plain);

    char *zeros = calloc(1, BOMB);
    packed = pack(zeros, BOMB, &len);
    assert_int_equal(unpack(packed, len, SIZE_MAX / 2, &got), PANDO_ERR_LIMIT); /* by its ratio */
    free(packed);
    packed = pack(zeros, PANDO_GZIP_RATIO_FROM_BYTES, &len);
    assert_int_equal(unpack(packed, len, BOMB, &got), 0); /* small ones may be as dense as they like */
    free(packed);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_gzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
