// link: pando_uploader pando_base
/* Tokens are UUIDs of version 4, and differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "uploader/payload.h"
#include "uploader/token.h"

static void tokens_have_the_form(void **state)
{
    (void)state;
    unsigned variants = 0;
    for (int i = 0; i < 1000; i++) {
        char token[PANDO_TOKEN_SIZE];
        assert_int_equal(pando_token_make(token), 0);
        assert_int_equal(strlen(token), 36);
        assert_int_equal(strspn(token, "0123456789abcdef-"), 36);
        for (int at = 0; at < 36; at++)
            assert_int_equal(token[at] == '-', at == 8 || at == 13 || at == 18 || at == 23);
        assert_int_equal(token[14], '4');
        assert_non_null(strchr("89ab", token[19]));
        variants |= 1u << (strchr("89ab", token[19]) - strchr("89ab", '8'));
    }
    assert_int_equal(variants, 15); /* the two free bits of that byte are random too */
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void tokens_differ(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    static char tokens[COUNT][PANDO_TOKEN_SIZE];
    for (int i = 0; i < COUNT; i++)
        pando_token_make(tokens[i]);
    qsort(tokens, COUNT, PANDO_TOKEN_SIZE, compare);
    for (int i = 1; i < COUNT; i++)
        assert_string_not_equal(tokens[i - 1], tokens[i]);
}

static void a_payload_has_its_own(void **state)
{
    (void)state;
    struct pando_payload *a = pando_payload_new(strdup("a"), 1, "application/json", 1);
    struct pando_payload *b = pando_payload_new(strdup("a"), 1, "application/json", 1);
    assert_string_not_equal(a->token, b->token);
    assert_true(a->sealed_mono_ns != 0);
    pando_payload_free(a);
    pando_payload_free(b);
    pando_payload_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_have_the_form),
        cmocka_unit_test(tokens_differ),
        cmocka_unit_test(a_payload_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
