// link: pando_collector pando_walker pando_exchange pando_symbols pando_base pando_unwind
/* The code map: which object is where, whose rows hold, what is kept, replaced and freed. Objects are copies of a library that the
 * test maps by itself, where it wants them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "tests/programs/mapped_object.h"
#include "tests/unit/walk_fixture.h"

#define LIBRARY "/usr/lib/x86_64-linux-gnu/libm.so.6"
#define OTHER_LIBRARY "/usr/lib/x86_64-linux-gnu/libc.so.6"

static struct pando_objects objects;
static struct pando_counters counters;
static struct pando_code_map *map;
static struct pando_objects_reader readers[PANDO_OBJECTS_READERS_MAX];

static int start(void **state)
{
    (void)state;
    memset(&counters, 0, sizeof counters);
    memset(readers, 0, sizeof readers);
    objects = (struct pando_objects){.readers = readers};
    map = pando_code_map_new(&objects, &counters, SIZE_MAX / 2);
    return map != NULL ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    pando_code_map_free(map);
    return 0;
}

static int update_with(const char *text, uint32_t unloads)
{
    return pando_code_map_update(map, text, strlen(text), unloads);
}

/* The line of its code in a map, as if it were `path`. */
static uint64_t write_lines(char *text, size_t bytes, const struct mapped_object *object, const char *path, int inode)
{
    const Elf64_Ehdr *file = (const void *)(uintptr_t)object->header_address;
    const Elf64_Phdr *segments = (const void *)(uintptr_t)(object->header_address + file->e_phoff);
    uint64_t code = 0;
    size_t len = strlen(text);
    for (int i = 0; i < file->e_phnum; i++) {
        if (segments[i].p_type != PT_LOAD)
            continue;
        uint64_t from = (object->bias + segments[i].p_vaddr) & ~UINT64_C(4095);
        uint64_t to = (object->bias + segments[i].p_vaddr + segments[i].p_filesz + 4095) & ~UINT64_C(4095);
        bool is_code = (segments[i].p_flags & PF_X) != 0;
        len += (size_t)snprintf(text + len, bytes - len, "%lx-%lx r-%cp %08lx 08:01 %d %s\n", (unsigned long)from,
                                (unsigned long)to, is_code ? 'x' : '-', (unsigned long)segments[i].p_offset & ~4095UL, inode, path);
        code = is_code ? from : code;
    }
    return code;
}

static const struct pando_object_entry *entry_at(uint64_t address)
{
    return pando_objects_find(pando_code_map_list(map), address, NULL);
}

static void test_own_process(void **state)
{
    (void)state;
    size_t len;
    char *text = read_own_maps(&len);
    assert_true(pando_code_map_is_stale(map));
    assert_int_equal(pando_code_map_update(map, text, len, 0), 0);
    assert_false(pando_code_map_is_stale(map));
    const struct pando_object_list *first = pando_code_map_list(map);
    assert_int_equal(pando_code_map_update(map, text, len, 0), 0);
    assert_ptr_equal(pando_code_map_list(map), first); /* nothing new: nothing published */
    free(text);
    const struct pando_object_entry *entry = entry_at((uint64_t)(uintptr_t)&test_own_process);
    assert_non_null(entry);
    assert_null(entry->rows);
    assert_int_equal(pando_code_map_build_wanted(map), 0); /* nobody wants any */
    pando_code_map_want(map, (uint64_t)(uintptr_t)&test_own_process);
    entry = entry_at((uint64_t)(uintptr_t)&test_own_process);
    assert_non_null(entry->rows);
    const struct pando_row *row = pando_rows_find(entry->rows, (uint64_t)(uintptr_t)&test_own_process - entry->bias);
    assert_int_equal(row->kind, PANDO_ROW_RSP); /* before its first instruction */
    assert_int_equal(pando_row_cfa_words(row), 1);
    /* What a handler asks for is built. */
    struct pando_object_entry *libc = (struct pando_object_entry *)(uintptr_t)entry_at((uint64_t)(uintptr_t)&qsort);
    assert_null(libc->rows);
    atomic_store(&libc->wanted, 1);
    assert_int_equal(pando_code_map_build_wanted(map), 1);
    assert_non_null(entry_at((uint64_t)(uintptr_t)&qsort)->rows);
    assert_int_equal(pando_code_map_build_wanted(map), 0);
    assert_int_equal(pando_counted(&counters, PANDO_COUNT_OBJECTS_WITHOUT_ROWS), 0);
}

static void test_stale(void **state)
{
    (void)state;
    assert_int_equal(update_with("1000-2000 r-xp 00000000 00:00 0\n", 0), 0);
    assert_false(pando_code_map_is_stale(map));
    atomic_store(&objects.unknown_code, 1);
    assert_true(pando_code_map_is_stale(map));
    assert_int_equal(update_with("1000-2000 r-xp 00000000 00:00 0\n", 0), 0);
    assert_false(pando_code_map_is_stale(map));
    atomic_store(&objects.unloads, 2);
    assert_true(pando_code_map_is_stale(map));
    assert_int_equal(update_with("1000-2000 r-xp 00000000 00:00 0\n", 2), 0);
    assert_false(pando_code_map_is_stale(map));
    assert_int_equal(pando_code_map_list(map)->unloads_seen, 2);
    /* What cannot be read changes nothing, and is tried again. */
    assert_int_equal(update_with("nonsense\n", 2), PANDO_ERR_SYNTAX);
    assert_int_equal(update_with("3000-4000 r-xp 00000000 00:00 0\n1000-2000 r-xp 00000000 00:00 0\n", 2), PANDO_ERR_SYNTAX);
    assert_true(pando_code_map_is_stale(map));
    assert_non_null(entry_at(0x1800));
}

static void test_code_without_rows(void **state)
{
    (void)state;
    assert_int_equal(update_with("1000-2000 rwxp 00000000 00:00 0\n"
                                 "2000-3000 r-xp 00000000 00:00 0 [anon:jit]\n"
                                 "5000-6000 r-xp 00001000 08:01 7 /no/header/before\n"
                                 "7000-8000 r--p 00000000 08:01 8 /gone.so (deleted)\n"
                                 "8000-9000 r-xp 00001000 08:01 8 /gone.so (deleted)\n"
                                 "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n", 0), 0);
    assert_int_equal(pando_code_map_list(map)->count, 4); /* the first two are one */
    static const uint64_t addresses[] = {0x1000, 0x2fff, 0x5000, 0x8000, 0xffffffffff600000};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        pando_code_map_want(map, addresses[i]);
        assert_true(entry_at(addresses[i])->has_no_rows);
        assert_null(entry_at(addresses[i])->rows);
    }
    assert_null(entry_at(0x7000));
    assert_null(entry_at(0x3000));
}

/* The same object twice, as by dlmopen: each has its own bias, and rows of its own. */
static void test_mapped_twice(void **state)
{
    (void)state;
    struct mapped_object one = {0}, two = {0};
    char text[4096] = "";
    if (map_object(LIBRARY, &one) != 0 || map_object(LIBRARY, &two) != 0)
        skip();
    if (one.bias > two.bias) {
        struct mapped_object swapped = one;
        one = two;
        two = swapped;
    }
    uint64_t code_one = write_lines(text, sizeof text, &one, "/lib/m.so", 5);
    uint64_t code_two = write_lines(text, sizeof text, &two, "/lib/m.so", 5);
    assert_int_equal(update_with(text, 0), 0);
    pando_code_map_want(map, code_one + 100);
    assert_int_equal(entry_at(code_one)->bias, one.bias);
    assert_int_equal(entry_at(code_two)->bias, two.bias);
    assert_non_null(entry_at(code_one)->rows);
    assert_null(entry_at(code_two)->rows);
    pando_code_map_want(map, code_two + 100);
    assert_non_null(entry_at(code_two)->rows);
    munmap((void *)(uintptr_t)one.header_address, one.end - one.header_address);
    munmap((void *)(uintptr_t)two.header_address, two.end - two.header_address);
}

/* dlclose, then another object at the same addresses, which the map cannot tell apart from the first. */
static void test_replaced(void **state)
{
    (void)state;
    struct mapped_object first = {0}, second = {0};
    char text[4096] = "";
    if (map_object(LIBRARY, &first) != 0 || map_object(OTHER_LIBRARY, &second) != 0)
        skip();
    uint64_t code = write_lines(text, sizeof text, &first, "/lib/plugin.so", 5);
    assert_int_equal(update_with(text, 0), 0);
    pando_code_map_want(map, code);
    const struct pando_rows *rows = entry_at(code)->rows;
    assert_non_null(rows);
    assert_int_equal(update_with(text, 2), 0); /* something was unloaded, but not this one */
    assert_ptr_equal(entry_at(code)->rows, rows);
    /* The second one's header over the first one's. */
    size_t bytes = 4096;
    assert_int_equal(mprotect((void *)(uintptr_t)first.header_address, bytes, PROT_READ | PROT_WRITE), 0);
    memcpy((void *)(uintptr_t)first.header_address, (void *)(uintptr_t)second.header_address, bytes);
    assert_int_equal(update_with(text, 4), 0);
    assert_ptr_not_equal(entry_at(code)->rows, rows);
    /* With the first one's mappings gone, so is all of it. */
    assert_int_equal(update_with("1000-2000 r-xp 00000000 00:00 0\n", 6), 0);
    assert_null(entry_at(code));
    pando_code_map_reclaim(map);
    munmap((void *)(uintptr_t)first.header_address, first.end - first.header_address);
    munmap((void *)(uintptr_t)second.header_address, second.end - second.header_address);
}

/* Rows that a handler may be reading are not freed before it has left. AddressSanitizer and valgrind would tell. */
static void test_reader_keeps_rows(void **state)
{
    (void)state;
    struct mapped_object object = {0};
    char text[4096] = "";
    if (map_object(LIBRARY, &object) != 0)
        skip();
    uint64_t code = write_lines(text, sizeof text, &object, "/lib/m.so", 5);
    assert_int_equal(update_with(text, 0), 0);
    pando_code_map_want(map, code);
    const struct pando_object_list *list = pando_objects_enter(&objects, 7);
    const struct pando_object_entry *entry = pando_objects_find(list, code, NULL);
    for (uint32_t i = 1; i < 20; i++) {
        assert_int_equal(update_with(i % 2 == 1 ? "1000-2000 r-xp 00000000 00:00 0\n" : text, i * 2), 0);
        pando_code_map_reclaim(map);
        assert_int_equal(entry->rows->rows[0].offset, 0); /* whole */
        assert_non_null(pando_rows_find(entry->rows, code + 0x100 - entry->bias));
    }
    pando_objects_leave(&objects, 7);
    pando_code_map_reclaim(map);
    pando_code_map_reclaim(map);
    munmap((void *)(uintptr_t)object.header_address, object.end - object.header_address);
}

static void test_limits(void **state)
{
    (void)state;
    struct mapped_object object = {0};
    char text[4096] = "";
    if (map_object(LIBRARY, &object) != 0)
        skip();
    pando_code_map_free(map);
    map = pando_code_map_new(&objects, &counters, 10000); /* bytes of rows: not enough for it */
    uint64_t code = write_lines(text, sizeof text, &object, "/lib/m.so", 5);
    assert_int_equal(update_with(text, 0), 0);
    pando_code_map_want(map, code);
    assert_true(entry_at(code)->has_no_rows);
    assert_int_equal(pando_counted(&counters, PANDO_COUNT_OBJECTS_WITHOUT_ROWS), 1);
    munmap((void *)(uintptr_t)object.header_address, object.end - object.header_address);
    /* More mappings than are kept. */
    size_t lines = 70000, bytes = lines * 64, len = 0;
    char *huge = malloc(bytes);
    for (size_t i = 0; i < lines; i++)
        len += (size_t)snprintf(huge + len, bytes - len, "%zx-%zx r-xp 00000000 00:00 0\n", 0x10000 + i * 0x2000, 0x11000 + i * 0x2000);
    assert_int_equal(pando_code_map_update(map, huge, len, 0), PANDO_ERR_LIMIT);
    assert_int_equal(pando_code_map_list(map)->count, 65536);
    free(huge);
}

/* A text cut at any place, and damaged: refused or taken over, never more. */
static void test_damaged_texts(void **state)
{
    (void)state;
    size_t len;
    char *text = read_own_maps(&len), *damaged = malloc(len);
    for (size_t cut = 0; cut < len; cut += 7)
        pando_code_map_update(map, text, cut, 0);
    uint32_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        memcpy(damaged, text, len);
        for (int j = 0; j < 3; j++) {
            seed = seed * 1664525 + 1013904223;
            damaged[(seed >> 8) % len] = (char)(seed >> 3);
        }
        pando_code_map_update(map, damaged, len, (uint32_t)i % 3);
        pando_code_map_reclaim(map);
    }
    assert_int_equal(pando_code_map_update(map, text, len, 0), 0);
    free(text);
    free(damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_own_process, start, stop),
        cmocka_unit_test_setup_teardown(test_stale, start, stop),
        cmocka_unit_test_setup_teardown(test_code_without_rows, start, stop),
        cmocka_unit_test_setup_teardown(test_mapped_twice, start, stop),
        cmocka_unit_test_setup_teardown(test_replaced, start, stop),
        cmocka_unit_test_setup_teardown(test_reader_keeps_rows, start, stop),
        cmocka_unit_test_setup_teardown(test_limits, start, stop),
        cmocka_unit_test_setup_teardown(test_damaged_texts, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
