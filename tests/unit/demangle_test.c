// link: pando_symbols pando_base
/* How symbols are shown: symbols/demangle.h. The expected texts are what c++filt --no-params and rustfilt print. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbols/demangle.h"

static void expect(const char *symbol, const char *shown)
{
    char text[PANDO_DEMANGLE_TEXT_BYTES];
    size_t len = pando_demangle(symbol, text, sizeof text);
    assert_string_equal(text, shown);
    assert_int_equal(len, strlen(shown));
}

static void test_plain_names_stay(void **state)
{
    (void)state;
    expect("main", "main");
    expect("_start", "_start");
    expect("main.inner", "main.inner"); /* Go and others use points in names */
    expect("", "");
    expect("_", "_");
    expect("_Z", "_Z");
    expect("_R", "_R");
    expect("_ZN", "_ZN");
    expect("_Dickens", "_Dickens");
    expect("_Retain", "_Retain");
}

static void test_cxx(void **state)
{
    (void)state;
    expect("_ZN3foo3barEi", "foo::bar");
    expect("_Z3fooIiEvT_", "foo<int>");
    expect("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back");
    expect("_ZZ4mainENKUliE_clEi", "main::{lambda(int)#1}::operator()");
    expect("_ZN12_GLOBAL__N_14workEv", "(anonymous namespace)::work");
    expect("_ZN1AC2Ev", "A::A");
}

static void test_rust(void **state)
{
    (void)state;
    expect("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad");
    expect("_RNvCs1234_7mycrate3foo", "mycrate::foo");
    expect("_RINvNtC3std3mem8align_ofjE", "std::mem::align_of::<usize>");
}

static void test_d(void **state)
{
    (void)state;
    expect("_D4test3fooFiZi", "test.foo");
    expect("_Dmain", "D main");
    expect("_D8demangle11__T4testTaZ1xFaZv", "demangle.test!(char).x");
}

static void test_suffixes_go(void **state)
{
    (void)state;
    expect("memcpy@@GLIBC_2.14", "memcpy");
    expect("memcpy@GLIBC_2.2.5", "memcpy");
    expect("foo.cold", "foo");
    expect("foo.part.0.constprop.3", "foo");
    expect("foo.isra.0.cold", "foo");
    expect("_ZN12_GLOBAL__N_14workEv.constprop.0", "(anonymous namespace)::work");
    expect("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE.llvm.123456789", "core::fmt::Formatter::pad");
    expect("foo.partial", "foo.partial");
}

static void test_long_names_are_cut_on_a_character(void **state)
{
    (void)state;
    char text[12];
    assert_int_equal(pando_demangle("abcdefghijklmnop", text, sizeof text), 11);
    assert_string_equal(text, "abcdefgh...");
    pando_demangle("abcdef\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", text, sizeof text);
    assert_string_equal(text, "abcdef\xc3\xa4...");
    pando_demangle("abcdefg\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", text, sizeof text);
    assert_string_equal(text, "abcdefg...");
    char symbol[PANDO_DEMANGLE_MANGLED_BYTES + 100];
    memset(symbol, 'x', sizeof symbol);
    memcpy(symbol, "_Z", 2);
    symbol[sizeof symbol - 1] = '\0';
    char shown[PANDO_DEMANGLE_TEXT_BYTES];
    assert_int_equal(pando_demangle(symbol, shown, sizeof shown), sizeof shown - 1);
    assert_memory_equal(shown, "_Zxxx", 5);
}

/* S_, then S0_ to S9_, SA_ ... */
static void add_cxx_substitution(char *name, int number)
{
    char text[4] = {'S', number == 0 ? '_' : "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number - 1], number == 0 ? '\0' : '_', '\0'};
    strcat(name, text);
}

/* f<B<A, int>, B<1, 1>, B<2, 2>, ...>: each type is a pair of the one before it; c++filt writes for ever. */
static void test_a_cxx_explosion_is_stopped(void **state)
{
    (void)state;
    char name[PANDO_DEMANGLE_MANGLED_BYTES] = "_Z1fI1BI1AiE";
    for (int i = 0; i < 25; i++) {
        add_cxx_substitution(name, 1);
        strcat(name, "I");
        add_cxx_substitution(name, i + 3);
        add_cxx_substitution(name, i + 3);
        strcat(name, "E");
    }
    strcat(name, "EvT_");
    expect(name, name);
}

/* ((..), (..)) where both are back references to the tuple before; rustfilt's answer would have gigabytes. */
static void test_a_rust_explosion_is_stopped(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char name[PANDO_DEMANGLE_MANGLED_BYTES] = "_RINvC1a1fTuuE";
    size_t previous = strlen("INvC1a1f"); /* positions count from behind "_R" */
    for (int i = 0; i < 30; i++) {
        char reference[8];
        size_t position = strlen(name) - 2, value = previous - 1;
        if (value < 62)
            snprintf(reference, sizeof reference, "B%c_", digits[value]);
        else
            snprintf(reference, sizeof reference, "B%c%c_", digits[value / 62], digits[value % 62]);
        strcat(name, "T");
        strcat(name, reference);
        strcat(name, reference);
        strcat(name, "E");
        previous = position;
    }
    strcat(name, "E");
    expect(name, name);
}

static void *demangle_deep(void *unused)
{
    (void)unused;
    static const char *const heads[] = {"_Z1fP", "_RINvC1a1fS", "_D1a1bFP", "_Z1fF", "_Z1fIXadL_Z1fI", "_RNvNvNv", "_D1aFHi"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char symbol[PANDO_DEMANGLE_MANGLED_BYTES], text[PANDO_DEMANGLE_TEXT_BYTES];
        char last = heads[i][strlen(heads[i]) - 1];
        memset(symbol, last, sizeof symbol - 1);
        memcpy(symbol, heads[i], strlen(heads[i]));
        memcpy(symbol + sizeof symbol - 4, "iZv", 4);
        pando_demangle(symbol, text, sizeof text);
    }
    return NULL;
}

/* The worker's threads are small. */
static void test_deep_names_need_a_bounded_stack(void **state)
{
    (void)state;
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 512 * 1024), 0);
    assert_int_equal(pthread_create(&thread, &attributes, demangle_deep, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

/* Any bytes after a head that a demangler takes: no crash, always a terminated text. */
static void test_random_names(void **state)
{
    (void)state;
    static const char letters[] = "_ZNRDSTIEKPABCLMXabcdefijklmnopqstuvwxyz0123456789.@$";
    static const char *const heads[] = {"_Z", "_ZN", "_R", "_D1", "_ZZ", "_RINv", "_ZNK", "_D4main"};
    uint32_t random = 12345;
    for (int i = 0; i < 40000; i++) {
        char symbol[64], text[48];
        const char *head = heads[i % (int)(sizeof heads / sizeof heads[0])];
        size_t len = strlen(head);
        memcpy(symbol, head, len);
        random = random * 1664525 + 1013904223;
        size_t end = len + (random >> 16) % (sizeof symbol - len - 1);
        for (; len < end; len++) {
            random = random * 1664525 + 1013904223;
            symbol[len] = letters[(random >> 16) % (sizeof letters - 1)];
        }
        symbol[len] = '\0';
        size_t shown = pando_demangle(symbol, text, sizeof text);
        assert_int_equal(strlen(text), shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_names_stay),
        cmocka_unit_test(test_cxx),
        cmocka_unit_test(test_rust),
        cmocka_unit_test(test_d),
        cmocka_unit_test(test_suffixes_go),
        cmocka_unit_test(test_long_names_are_cut_on_a_character),
        cmocka_unit_test(test_a_cxx_explosion_is_stopped),
        cmocka_unit_test(test_a_rust_explosion_is_stopped),
        cmocka_unit_test(test_deep_names_need_a_bounded_stack),
        cmocka_unit_test(test_random_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
