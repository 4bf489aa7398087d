// link: pando_symbols pando_base
/* What ELF objects say: symbols/elf_names.h, function_table.h and unwind_starts.h, with this test program itself, libc, the
 * vdso, and thousands of damaged ones. */
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "symbols/elf_names.h"
#include "symbols/function_table.h"
#include "symbols/unwind_starts.h"

enum { LIMIT_BYTES = 64 << 20, VDSO_MAX_BYTES = 1 << 16, HANG_S = 300 };

static struct pando_function_table *table_of(struct pando_function_symbol *symbols, size_t count)
{
    struct pando_function_table *table = NULL;
    assert_int_equal(pando_function_table_make(symbols, count, LIMIT_BYTES, &table), 0);
    return table;
}

static void expect(struct pando_function_table *table, uint64_t address, const char *name)
{
    const char *found = pando_function_table_find(table, address);
    if (name == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_string_equal(found, name);
    }
}

static void test_the_best_alias_is_shown(void **state)
{
    (void)state;
    struct pando_function_symbol symbols[] = {
        {.start = 100, .size = 10, .room = 1000, .name = "__malloc", .is_function = true, .is_local = true},
        {.start = 100, .size = 10, .room = 1000, .name = "__libc_malloc", .is_function = true},
        {.start = 100, .size = 10, .room = 1000, .name = "malloc", .is_function = true},
        {.start = 100, .size = 0, .room = 1000, .name = "m", .is_function = true},
        {.start = 200, .size = 10, .room = 900, .name = "fopen64", .is_function = true},
        {.start = 200, .size = 10, .room = 900, .name = "fopen", .is_function = true},
        {.start = 200, .size = 10, .room = 900, .name = "_IO_fopen", .is_function = true},
        {.start = 300, .size = 10, .room = 800, .name = "label", .is_function = false},
        {.start = 300, .size = 10, .room = 800, .name = "__function", .is_function = true},
        {.start = 400, .size = 10, .room = 700, .name = "bbb", .is_function = true},
        {.start = 400, .size = 10, .room = 700, .name = "aaa", .is_function = true},
    };
    struct pando_function_table *table = table_of(symbols, sizeof symbols / sizeof symbols[0]);
    assert_int_equal(pando_function_table_count(table), 4);
    expect(table, 100, "malloc");
    expect(table, 109, "malloc");
    expect(table, 110, NULL);
    expect(table, 99, NULL);
    expect(table, 200, "fopen");
    expect(table, 300, "__function");
    expect(table, 400, "aaa");
    expect(table, UINT64_MAX, NULL);
    expect(table, 0, NULL);
    pando_function_table_free(table);
}

static void test_symbols_without_size(void **state)
{
    (void)state;
    struct pando_function_symbol symbols[] = {
        {.start = 100, .room = 200, .name = "first"},                    /* to the next one */
        {.start = 150, .room = 150, .name = "second"},                   /* to the end of its section, 300 */
        {.start = 500, .room = 100, .size = 50, .name = "whole", .is_function = true},
        {.start = 510, .room = 90, .name = "label_in_whole"},            /* not shown */
        {.start = 550, .room = 50, .name = "behind_whole"},
    };
    struct pando_function_table *table = table_of(symbols, sizeof symbols / sizeof symbols[0]);
    expect(table, 149, "first");
    expect(table, 150, "second");
    expect(table, 299, "second");
    expect(table, 300, NULL);
    expect(table, 515, "whole");
    expect(table, 549, "whole");
    expect(table, 550, "behind_whole");
    expect(table, 599, "behind_whole");
    expect(table, 600, NULL);
    pando_function_table_free(table);
}

static void test_functions_in_functions(void **state)
{
    (void)state;
    struct pando_function_symbol symbols[] = {
        {.start = 100, .size = 100, .room = 1000, .name = "outer", .is_function = true},
        {.start = 120, .size = 10, .room = 980, .name = "inner_one", .is_function = true},
        {.start = 140, .size = 20, .room = 960, .name = "inner_two", .is_function = true},
        {.start = 145, .size = 5, .room = 955, .name = "innermost", .is_function = true},
        {.start = 190, .size = 30, .room = 910, .name = "overlapping", .is_function = true},
    };
    struct pando_function_table *table = table_of(symbols, sizeof symbols / sizeof symbols[0]);
    static const struct {
        uint64_t address;
        const char *name;
    } rows[] = {{100, "outer"}, {119, "outer"}, {125, "inner_one"}, {130, "outer"}, {144, "inner_two"}, {146, "innermost"},
                {150, "inner_two"}, {160, "outer"}, {189, "outer"}, {199, "overlapping"}, {219, "overlapping"}, {220, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(table, rows[i].address, rows[i].name);
    pando_function_table_free(table);
}

/* Against the plain definition: the function with the last start that contains the address. */
static void test_random_overlaps_match_a_plain_search(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    uint32_t random = 7;
    for (int round = 0; round < 300; round++) {
        struct pando_function_symbol symbols[COUNT];
        char names[COUNT][8];
        for (int i = 0; i < COUNT; i++) {
            random = random * 1664525 + 1013904223;
            snprintf(names[i], sizeof names[i], "f%d", i);
            symbols[i] = (struct pando_function_symbol){.start = 1000 + (uint64_t)i * 7, .size = 1 + (random >> 16) % 90,
                                                        .room = 5000, .name = names[i], .is_function = true};
        }
        struct pando_function_symbol sorted[COUNT];
        memcpy(sorted, symbols, sizeof sorted);
        struct pando_function_table *table = table_of(sorted, COUNT);
        for (uint64_t address = 990; address < 1600; address++) {
            const char *expected = NULL;
            for (int i = 0; i < COUNT; i++) {
                if (symbols[i].start <= address && address < symbols[i].start + symbols[i].size)
                    expected = symbols[i].name;
            }
            expect(table, address, expected);
        }
        pando_function_table_free(table);
    }
}

static void test_a_table_keeps_its_limit(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct pando_function_symbol *symbols = calloc(COUNT, sizeof *symbols);
    char (*names)[40] = calloc(COUNT, sizeof *names);
    assert_true(symbols != NULL && names != NULL);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "_ZN5space8function%04dEv", i);
        memcpy(names[i] + 8, "12", 2); /* _ZN5spac12... is no name; shown as it is */
        symbols[i] = (struct pando_function_symbol){.start = (uint64_t)i * 16, .size = 16, .room = 100000, .name = names[i]};
    }
    struct pando_function_table *table = NULL;
    assert_int_equal(pando_function_table_make(symbols, COUNT, 1000, &table), PANDO_ERR_LIMIT);
    size_t limit = COUNT * (16 + 25) + 8192;
    assert_int_equal(pando_function_table_make(symbols, COUNT, limit, &table), 0);
    for (int i = 0; i < COUNT; i++) {
        expect(table, (uint64_t)i * 16 + 3, names[i]);
        assert_true(pando_function_table_bytes(table) <= limit);
    }
    for (int i = 0; i < COUNT; i++)
        expect(table, (uint64_t)i * 16 + 3, names[i]);
    pando_function_table_free(table);
    assert_int_equal(pando_function_table_make(NULL, 0, 4096, &table), 0);
    expect(table, 0, NULL);
    pando_function_table_free(table);
    free(symbols);
    free(names);
}

static void test_unwind_starts(void **state)
{
    (void)state;
    int32_t table[3 + 2 * 3] = {0, 0, 3, -0x100, 0, 0x20, 0, 0x50, 0};
    memcpy(table, "\x01\x1b\x03\x3b", 4);
    struct pando_unwind_starts starts = {0};
    assert_int_equal(pando_unwind_starts_read(table, sizeof table, 0x1000, &starts), 0);
    assert_int_equal(starts.count, 3);
    uint64_t start = 0;
    assert_false(pando_unwind_starts_find(&starts, 0xeff, &start));
    assert_true(pando_unwind_starts_find(&starts, 0xf00, &start));
    assert_int_equal(start, 0xf00);
    assert_true(pando_unwind_starts_find(&starts, 0x104f, &start));
    assert_int_equal(start, 0x1020);
    assert_true(pando_unwind_starts_find(&starts, 0x9000, &start));
    assert_int_equal(start, 0x1050);
    pando_unwind_starts_release(&starts);

    table[2] = 1000000; /* more than there are */
    assert_int_equal(pando_unwind_starts_read(table, sizeof table, 0x1000, &starts), 0);
    assert_int_equal(starts.count, 3);
    pando_unwind_starts_release(&starts);
    ((uint8_t *)table)[3] = 0xff; /* no table */
    assert_int_equal(pando_unwind_starts_read(table, sizeof table, 0x1000, &starts), 0);
    assert_int_equal(starts.count, 0);
    assert_int_equal(pando_unwind_starts_read(table, 5, 0x1000, &starts), 0);
    assert_int_equal(starts.count, 0);
}

struct exported {
    char name[256];
    uint64_t address;
};

/* The file offset of an ELF address, by an own reading of the program headers. */
static uint64_t offset_of(int fd, uint64_t address)
{
    Elf64_Ehdr header;
    assert_int_equal(pread(fd, &header, sizeof header, 0), sizeof header);
    for (int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr program;
        assert_int_equal(pread(fd, &program, sizeof program, (off_t)(header.e_phoff + (uint64_t)i * sizeof program)),
                         sizeof program);
        if (program.p_type == PT_LOAD && address >= program.p_vaddr && address < program.p_vaddr + program.p_filesz)
            return address - program.p_vaddr + program.p_offset;
    }
    fail_msg("no segment has address %#lx", (unsigned long)address);
    return 0;
}

/* Every function that nm says libc exports is found under one of the names that nm has for its address. */
static void test_libc_as_nm_sees_it(void **state)
{
    (void)state;
    static const char libc[] = "/lib/x86_64-linux-gnu/libc.so.6";
    int fd = open(libc, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || access("/usr/bin/nm", X_OK) != 0)
        skip();
    struct pando_elf_names *names = NULL;
    assert_int_equal(pando_elf_names_read_file(fd, LIMIT_BYTES, &names), 0);
    enum { MAX = 8192 };
    struct exported *all = calloc(MAX, sizeof *all);
    assert_non_null(all);
    char command[256], line[512];
    snprintf(command, sizeof command, "LC_ALL=C nm -D --defined-only %s", libc);
    FILE *nm = popen(command, "r");
    assert_non_null(nm);
    size_t count = 0;
    while (count < MAX && fgets(line, sizeof line, nm) != NULL) {
        unsigned long address;
        char type, name[256];
        if (sscanf(line, "%lx %c %255s", &address, &type, name) == 3 && strchr("TWi", type) != NULL) {
            name[strcspn(name, "@")] = '\0';
            all[count].address = address;
            strcpy(all[count++].name, name);
        }
    }
    assert_int_equal(pclose(nm), 0);
    assert_true(count > 1000);
    for (size_t i = 0; i < count; i++) {
        uint64_t start;
        const char *found = pando_elf_names_find(names, offset_of(fd, all[i].address), &start);
        assert_non_null(found);
        bool known = false;
        for (size_t k = 0; k < count && !known; k++)
            known = all[k].address == all[i].address && strcmp(all[k].name, found) == 0;
        if (!known)
            fail_msg("%s at %#lx is shown as %s", all[i].name, (unsigned long)all[i].address, found);
    }
    free(all);
    pando_elf_names_free(names);
    close(fd);
}

/* Debian's libc has no names for its own functions; where they begin is known all the same. */
static void test_nameless_functions_have_starts(void **state)
{
    (void)state;
    int fd = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        skip();
    struct pando_elf_names *names = NULL;
    assert_int_equal(pando_elf_names_read_file(fd, LIMIT_BYTES, &names), 0);
    size_t nameless = 0, at_start = 0;
    uint64_t text = offset_of(fd, 0x30000);
    for (uint64_t offset = text; offset < text + 0x100000; offset += 5) {
        uint64_t start;
        if (pando_elf_names_find(names, offset, &start) != NULL) {
            assert_int_equal(start, offset);
            continue;
        }
        assert_true(start <= offset && offset - start < 0x10000);
        nameless++;
        at_start += start == offset;
    }
    assert_true(nameless > 0);
    assert_true(at_start < nameless / 4);
    pando_elf_names_free(names);
    close(fd);
}

/* NULL where there is none. Its section headers are its end. */
static char *copy_of_vdso(size_t *ret_len)
{
    const Elf64_Ehdr *vdso = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
    if (vdso == NULL)
        return NULL;
    *ret_len = vdso->e_shoff + (size_t)vdso->e_shnum * vdso->e_shentsize;
    assert_in_range(*ret_len, 1000, VDSO_MAX_BYTES);
    char *copy = malloc(*ret_len);
    assert_non_null(copy);
    memcpy(copy, vdso, *ret_len);
    return copy;
}

static void test_vdso(void **state)
{
    (void)state;
    size_t len_bytes;
    char *image = copy_of_vdso(&len_bytes);
    if (image == NULL)
        skip();
    struct pando_elf_names *names = NULL;
    assert_int_equal(pando_elf_names_read_memory(image, len_bytes, LIMIT_BYTES, &names), 0);
    free(image);
    assert_true(pando_elf_names_count(names) >= 3);
    bool found = false;
    for (uint64_t offset = 0; offset < len_bytes; offset++) {
        uint64_t start;
        const char *name = pando_elf_names_find(names, offset, &start);
        found = found || (name != NULL && strcmp(name, "clock_gettime") == 0);
    }
    assert_true(found);
    pando_elf_names_free(names);
}

/* Reads what may be anything, looks up a few addresses. Must end, within the limit. */
static void try_memory(const char *bytes, size_t len_bytes, size_t limit_bytes)
{
    char *own = malloc(len_bytes + 1); /* so that reads behind the end are seen */
    assert_non_null(own);
    memcpy(own, bytes, len_bytes);
    struct pando_elf_names *names = NULL;
    if (pando_elf_names_read_memory(own, len_bytes, limit_bytes, &names) == 0) {
        for (uint64_t offset = 0; offset < 2 * len_bytes; offset += len_bytes / 16 + 1) {
            uint64_t start;
            pando_elf_names_find(names, offset, &start);
        }
        assert_true(pando_elf_names_bytes(names) <= limit_bytes);
        pando_elf_names_free(names);
    }
    free(own);
}

static void try_file(const char *bytes, size_t len_bytes, size_t limit_bytes)
{
    int fd = memfd_create("damaged", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len_bytes), len_bytes);
    struct pando_elf_names *names = NULL;
    if (pando_elf_names_read_file(fd, limit_bytes, &names) == 0) {
        for (uint64_t offset = 0; offset < 2 * len_bytes; offset += len_bytes / 16 + 1) {
            uint64_t start;
            pando_elf_names_find(names, offset, &start);
        }
        assert_true(pando_elf_names_bytes(names) <= limit_bytes);
        pando_elf_names_free(names);
    }
    close(fd);
}

/* A small real library, or NULL. */
static char *small_object(size_t *ret_len)
{
    static const char *const paths[] = {"/lib/x86_64-linux-gnu/libdl.so.2", "/lib/x86_64-linux-gnu/libutil.so.1",
                                        "/lib/x86_64-linux-gnu/libpthread.so.0"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        struct stat status;
        if (fd < 0)
            continue;
        assert_int_equal(fstat(fd, &status), 0);
        char *bytes = malloc((size_t)status.st_size);
        assert_non_null(bytes);
        assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
        close(fd);
        *ret_len = (size_t)status.st_size;
        return bytes;
    }
    return NULL;
}

static void test_cut_objects(void **state)
{
    (void)state;
    alarm(HANG_S);
    size_t len_bytes, vdso_bytes;
    char *vdso = copy_of_vdso(&vdso_bytes);
    for (size_t len = 0; vdso != NULL && len < vdso_bytes; len += len < 256 ? 1 : 13)
        try_memory(vdso, len, LIMIT_BYTES);
    free(vdso);
    char *library = small_object(&len_bytes);
    for (size_t len = 0; library != NULL && len < len_bytes; len += len < 256 ? 3 : 41)
        try_file(library, len, LIMIT_BYTES);
    free(library);
    alarm(0);
}

/* Damage where it hurts: in the headers and tables more often than elsewhere; with values that overflow. */
static void damage(char *bytes, size_t len_bytes, uint32_t *random)
{
    *random = *random * 1664525 + 1013904223;
    int times = 1 + (int)((*random >> 16) % 4);
    for (int i = 0; i < times; i++) {
        *random = *random * 1664525 + 1013904223;
        uint32_t kind = (*random >> 16) % 4;
        *random = *random * 1664525 + 1013904223;
        size_t range = kind == 0 ? 64 : len_bytes;
        size_t at = (*random >> 8) % range;
        if (kind == 3 && len_bytes > 2048)
            at = len_bytes - 1 - at % 2048; /* section headers lie at the end */
        *random = *random * 1664525 + 1013904223;
        static const uint64_t values[] = {0, 1, UINT64_MAX, INT64_MAX, UINT32_MAX, 0x8000000000000000, 0xffffffffffff0000};
        uint64_t value = values[(*random >> 16) % 7];
        if ((*random & 0x8000) != 0)
            bytes[at] ^= (char)(1 << ((*random >> 24) & 7));
        else if (at + 8 <= len_bytes)
            memcpy(bytes + (at & ~(size_t)7), &value, 8);
    }
}

static void test_damaged_objects(void **state)
{
    (void)state;
    enum { ROUNDS = 4000 };
    alarm(HANG_S);
    uint32_t random = 4711;
    size_t len_bytes, vdso_bytes;
    char *vdso = copy_of_vdso(&vdso_bytes);
    for (int i = 0; vdso != NULL && i < ROUNDS; i++) {
        char damaged[VDSO_MAX_BYTES];
        memcpy(damaged, vdso, vdso_bytes);
        damage(damaged, vdso_bytes, &random);
        try_memory(damaged, vdso_bytes, i % 2 == 0 ? LIMIT_BYTES : 20000);
    }
    free(vdso);
    char *library = small_object(&len_bytes);
    char *damaged = library != NULL ? malloc(len_bytes) : NULL;
    for (int i = 0; damaged != NULL && i < ROUNDS; i++) {
        memcpy(damaged, library, len_bytes);
        damage(damaged, len_bytes, &random);
        try_file(damaged, len_bytes, i % 2 == 0 ? LIMIT_BYTES : 20000);
    }
    free(damaged);
    free(library);
    alarm(0);
}

static void test_what_is_no_object(void **state)
{
    (void)state;
    struct pando_elf_names *names = NULL;
    int fd = memfd_create("text", MFD_CLOEXEC);
    assert_int_equal(write(fd, "!<arch>\nnot really an archive, nor ELF", 38), 38);
    assert_int_equal(pando_elf_names_read_file(fd, LIMIT_BYTES, &names), PANDO_ERR_SYNTAX);
    close(fd);
    int folder = open("/", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pando_elf_names_read_file(folder, LIMIT_BYTES, &names), PANDO_ERR_SYNTAX);
    close(folder);
    assert_int_equal(pando_elf_names_read_file(-1, LIMIT_BYTES, &names), PANDO_ERR_SYNTAX);
    size_t vdso_bytes;
    char *vdso = copy_of_vdso(&vdso_bytes);
    if (vdso != NULL) {
        vdso[EI_CLASS] = ELFCLASS32;
        assert_int_equal(pando_elf_names_read_memory(vdso, vdso_bytes, LIMIT_BYTES, &names), PANDO_ERR_SYNTAX);
        vdso[EI_CLASS] = ELFCLASS64;
        assert_int_equal(pando_elf_names_read_memory(vdso, vdso_bytes, 100, &names), PANDO_ERR_LIMIT);
    }
    free(vdso);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_alias_is_shown),
        cmocka_unit_test(test_symbols_without_size),
        cmocka_unit_test(test_functions_in_functions),
        cmocka_unit_test(test_random_overlaps_match_a_plain_search),
        cmocka_unit_test(test_a_table_keeps_its_limit),
        cmocka_unit_test(test_unwind_starts),
        cmocka_unit_test(test_libc_as_nm_sees_it),
        cmocka_unit_test(test_nameless_functions_have_starts),
        cmocka_unit_test(test_vdso),
        cmocka_unit_test(test_cut_objects),
        cmocka_unit_test(test_damaged_objects),
        cmocka_unit_test(test_what_is_no_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
