// link: pando_collector pando_walker pando_exchange pando_symbols pando_base pando_unwind
/* Rows of small images that the test makes byte by byte: each kind of rule, gaps, and what is refused because libunwind would take it
 * on trust. (All rows of real objects: integration/rows_oracle_test.py; damage at random: fuzz/rows_fuzz.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "base/error.h"
#include "collector/row_builder.h"

enum { CODE = 0x1000, CODE_BYTES = 0x1000, HDR = 0x2000, FRAME = 0x2400, IMAGE_BYTES = 0x4000, FUNCTIONS_MAX = 64 };

static struct pando_row_builder *builder;
static uint8_t *image;
static size_t frame_len;
static uint32_t function_count, cie_at;
static struct pando_rows *rows;
static bool with_table;

static void put(const void *bytes, size_t len)
{
    memcpy(image + FRAME + frame_len, bytes, len);
    frame_len += len;
}

static void put32(uint32_t value) { put(&value, 4); }
static void put8(unsigned value) { put(&(uint8_t){(uint8_t)value}, 1); }

static void pad(size_t from)
{
    while ((frame_len - from) % 8 != 4)
        put8(0);
    uint32_t length = (uint32_t)(frame_len - from - 4);
    memcpy(image + FRAME + from, &length, 4);
}

/* A CIE as gcc writes it: CFA = rsp + 8, return address at CFA - 8; `ra_column` 16, `instructions` more. */
static void put_cie(unsigned ra_column, const char *instructions, size_t len)
{
    size_t from = frame_len;
    cie_at = (uint32_t)from;
    put32(0);
    put32(0);
    put("\1zR", 4);
    put8(1);
    put8(0x78);
    put8(ra_column);
    put("\1\x1b", 2);
    put(instructions, len);
    pad(from);
}

#define PLAIN_CIE() put_cie(16, "\x0c\7\x8\x90\1", 5)
#define FUNCTION(start, bytes, text) put_function(start, bytes, text, sizeof(text) - 1)

static void put_function(uint32_t start, uint32_t code_bytes, const char *instructions, size_t len)
{
    size_t from = frame_len;
    int32_t entry[2] = {(int32_t)(CODE + start - HDR), (int32_t)(FRAME + from - HDR)};
    put32(0);
    put32((uint32_t)(frame_len - cie_at));
    put32((uint32_t)(CODE + start - (FRAME + frame_len)));
    put32(code_bytes);
    put8(0);
    put(instructions, len);
    pad(from);
    memcpy(image + HDR + 12 + 8 * function_count, entry, sizeof entry);
    function_count++;
}

static int start(void **state)
{
    (void)state;
    builder = pando_row_builder_new();
    image = mmap(NULL, IMAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return builder != NULL && image != MAP_FAILED ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    memset(image, 0, IMAGE_BYTES);
    frame_len = 0;
    function_count = 0;
    with_table = true;
    return 0;
}

static int release(void **state)
{
    (void)state;
    free(rows);
    rows = NULL;
    return 0;
}

static int build_with(size_t limit_bytes)
{
    Elf64_Ehdr file = {.e_machine = EM_X86_64, .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2, .e_phoff = sizeof file};
    Elf64_Phdr segments[] = {
        {.p_type = PT_LOAD, .p_flags = PF_X | PF_R, .p_filesz = IMAGE_BYTES, .p_memsz = IMAGE_BYTES},
        {.p_type = PT_GNU_EH_FRAME, .p_vaddr = HDR, .p_memsz = FRAME - HDR},
    };
    memcpy(file.e_ident, ELFMAG, SELFMAG);
    file.e_ident[EI_CLASS] = ELFCLASS64;
    file.e_ident[EI_DATA] = ELFDATA2LSB;
    memcpy(image, &file, sizeof file);
    memcpy(image + sizeof file, segments, sizeof segments);
    int32_t to_frame = FRAME - HDR - 4;
    memcpy(image + HDR, with_table ? "\1\x1b\3\x3b" : "\1\x1b\xff\xff", 4);
    memcpy(image + HDR + 4, &to_frame, 4);
    memcpy(image + HDR + 8, &function_count, 4);
    uint64_t header = (uint64_t)(uintptr_t)image;
    return pando_row_builder_build(builder, header, header, limit_bytes, &rows);
}

static int build(void) { return build_with(SIZE_MAX / 2); }

static const struct pando_row *row_at(uint64_t offset) { return pando_rows_find(rows, CODE + offset); }

static void expect_row(uint64_t offset, enum pando_row_kind kind, int cfa_words, enum pando_row_rbp rbp, unsigned rbp_words)
{
    const struct pando_row *row = row_at(offset);
    assert_non_null(row);
    assert_int_equal(row->kind, kind);
    if (kind == PANDO_ROW_RSP || kind == PANDO_ROW_RBP) {
        assert_int_equal(pando_row_cfa_words(row), cfa_words);
        assert_int_equal(row->rbp, rbp);
        assert_int_equal(row->rbp_words, rbp_words);
    }
}

static const struct pando_row_extra *extra_at(uint64_t offset)
{
    const struct pando_row *row = row_at(offset);
    assert_non_null(row);
    assert_int_equal(row->kind, PANDO_ROW_EXTRA);
    assert_true(row->cfa_words < rows->extra_count);
    return &rows->extras[row->cfa_words];
}

/* push %rbp; mov %rsp, %rbp; ...; leave: each instruction has its row; then a gap, and a function with the same rule at its start. */
static void test_prologue_and_gap(void **state)
{
    (void)state;
    PLAIN_CIE();
    FUNCTION(0x10, 0x30, "\x41\x0e\x10\x86\2\x43\x0d\6\x6a\x0c\7\x8");
    FUNCTION(0x60, 0x10, "");
    FUNCTION(0x70, 0x10, "");
    FUNCTION(0x80, 0x10, "\x86\2"); /* the same but for rbp */
    FUNCTION(0x90, 0x10, "\x86\3");
    assert_int_equal(build(), 0);
    assert_int_equal(rows->first_offset, CODE + 0x10);
    assert_int_equal(rows->length_bytes, 0x90);
    expect_row(0x10, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_SAME, 0);
    expect_row(0x11, PANDO_ROW_RSP, 2, PANDO_ROW_RBP_AT_CFA, 2);
    expect_row(0x13, PANDO_ROW_RSP, 2, PANDO_ROW_RBP_AT_CFA, 2);
    expect_row(0x14, PANDO_ROW_RBP, 2, PANDO_ROW_RBP_AT_CFA, 2);
    expect_row(0x3e, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_AT_CFA, 2);
    expect_row(0x3f, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_AT_CFA, 2);
    expect_row(0x40, PANDO_ROW_NONE, 0, 0, 0);
    expect_row(0x5f, PANDO_ROW_NONE, 0, 0, 0);
    expect_row(0x60, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_SAME, 0);
    expect_row(0x7f, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_SAME, 0);
    expect_row(0x80, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_AT_CFA, 2);
    expect_row(0x90, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_AT_CFA, 3);
    assert_int_equal(rows->row_count, 8); /* the second and the third function share one */
    assert_null(row_at(0xa0));
    assert_null(row_at(0xf));
    assert_int_equal(rows->functions, 5);
    assert_int_equal(rows->functions_refused, 0);
}

static void test_expressions(void **state)
{
    (void)state;
    PLAIN_CIE();
    FUNCTION(0x00, 0x10, "\x0f\x0b\x77\x08\x80\0\x3f\x1a\x3b\x2a\x33\x24\x22");       /* the linker's stubs */
    FUNCTION(0x10, 0x10, "\x0f\3\x76\x78\6\x10\6\2\x76\0");                           /* CFA = *(rbp - 8), rbp at rbp */
    FUNCTION(0x20, 0x10, "\x0f\5\x77\x18\6\x23\x8");                                  /* CFA = *(rsp + 24) + 8 */
    FUNCTION(0x30, 0x10, "\x0f\x0a\x77\x8\x79\0\x38\x1e\x22\6\x23\x8");               /* *(rsp + 8 + 8 * r9) + 8 */
    FUNCTION(0x40, 0x10, "\x0f\5\x77\x0f\x09\xf0\x1a");                               /* (rsp + 15) & -16: rows cannot hold it */
    FUNCTION(0x50, 0x10, "\x07\x10");                                                 /* no return address */
    FUNCTION(0x60, 0x10, "\x0e\0\x09\x10\5");                                         /* it is in rdi, as in vfork */
    FUNCTION(0x70, 0x10, "\x07\6");                                                   /* rbp is lost */
    FUNCTION(0x80, 0x10, "\x0c\3\x38");                                               /* CFA = rbx + 56, as in the loader */
    FUNCTION(0x90, 0x10, "\x41\x0e\x10\x83\2");                                       /* push %rbx */
    FUNCTION(0xa0, 0x10, "\x0c\5\0\x09\x10\1\x09\7\x8");                              /* longjmp: rsp has a rule */
    assert_int_equal(build(), 0);
    expect_row(0x00, PANDO_ROW_PLT, 0, 0, 0);
    const struct pando_row_extra *extra = extra_at(0x10);
    assert_true(extra->reg == 6 && extra->is_deref && extra->offset == -8 && extra->add == 0);
    assert_true(extra->rbp == PANDO_ROW_RBP_AT_RBP && extra->rbp_offset == 0);
    extra = extra_at(0x20);
    assert_true(extra->reg == 7 && extra->is_deref && extra->offset == 24 && extra->add == 8 && extra->index_reg == PANDO_ROW_NO_INDEX);
    extra = extra_at(0x30);
    assert_true(extra->reg == 7 && extra->is_deref && extra->offset == 8 && extra->add == 8 && extra->index_reg == 9);
    expect_row(0x40, PANDO_ROW_NONE, 0, 0, 0);
    expect_row(0x50, PANDO_ROW_END, 0, 0, 0);
    extra = extra_at(0x60);
    assert_true(extra->reg == 7 && !extra->is_deref && extra->offset == 0 && extra->ra_reg == 5);
    expect_row(0x70, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_LOST, 0);
    extra = extra_at(0x80);
    assert_true(extra->reg == 3 && extra->offset == 56 && !extra->is_deref);
    assert_non_null(rows->rbx); /* because of that one */
    assert_int_equal(rows->rbx[row_at(0x90) - rows->rows], PANDO_ROW_RBX_SAME);
    assert_int_equal(rows->rbx[row_at(0x91) - rows->rows], 2);
    expect_row(0xa0, PANDO_ROW_NONE, 0, 0, 0);
    assert_int_equal(rows->ranges_no_rule, 2);
    assert_int_equal(rows->functions_refused, 0);
}

static void test_large_offsets(void **state)
{
    (void)state;
    PLAIN_CIE();
    FUNCTION(0x00, 0x10, "\x0e\xf8\xff\x3f");     /* 1048568: the largest that a row holds */
    FUNCTION(0x10, 0x10, "\x0e\x80\x80\x40");     /* 1048576 */
    FUNCTION(0x20, 0x10, "\x0e\xc\x86\2");        /* 12: no whole words */
    FUNCTION(0x30, 0x10, "\x86\x80\4");           /* rbp at CFA - 4096 */
    assert_int_equal(build(), 0);
    expect_row(0x00, PANDO_ROW_RSP, 131071, PANDO_ROW_RBP_SAME, 0);
    assert_int_equal(extra_at(0x10)->offset, 1048576);
    assert_int_equal(extra_at(0x20)->offset, 12);
    assert_int_equal(extra_at(0x20)->rbp_offset, -16);
    assert_int_equal(extra_at(0x30)->rbp, PANDO_ROW_RBP_AT_CFA);
    assert_int_equal(extra_at(0x30)->rbp_offset, -4096);
}

/* Without a search table the section is gone through; overlapping functions are cut at the next one's start. */
static void test_without_table(void **state)
{
    (void)state;
    PLAIN_CIE();
    FUNCTION(0x40, 0x10, "\x0e\x20");
    FUNCTION(0x00, 0x60, "\x0e\x10");
    FUNCTION(0x48, 0x10, "\x0e\x30");
    with_table = false;
    assert_int_equal(build(), 0);
    expect_row(0x00, PANDO_ROW_RSP, 2, PANDO_ROW_RBP_SAME, 0);
    expect_row(0x40, PANDO_ROW_RSP, 4, PANDO_ROW_RBP_SAME, 0);
    expect_row(0x48, PANDO_ROW_RSP, 6, PANDO_ROW_RBP_SAME, 0);
    assert_null(row_at(0x58));
}

/* One bad function: it has no rows, its neighbours do. */
static void expect_refused(const char *instructions, size_t len)
{
    clear(NULL);
    PLAIN_CIE();
    FUNCTION(0x00, 0x10, "");
    put_function(0x10, 0x10, instructions, len);
    FUNCTION(0x20, 0x10, "");
    assert_int_equal(build(), 0);
    expect_row(0x00, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_SAME, 0);
    expect_row(0x10, PANDO_ROW_NONE, 0, 0, 0);
    expect_row(0x1f, PANDO_ROW_NONE, 0, 0, 0);
    expect_row(0x20, PANDO_ROW_RSP, 1, PANDO_ROW_RBP_SAME, 0);
    assert_int_equal(rows->functions_refused, 1);
    release(NULL);
}
#define REFUSED(text) expect_refused(text, sizeof(text) - 1)

static void test_refused(void **state)
{
    (void)state;
    REFUSED("\x09\6\x7f");                       /* rbp in register 127 */
    REFUSED("\x09\6\xff\xff\xff\xff\x7f");
    REFUSED("\x0b");                             /* a state that was not remembered */
    REFUSED("\x0f\6\x77\0\x09\xff\x1b\x96");     /* a division in an expression */
    REFUSED("\x0f\4\x77\0\x2f\xfd\xff");         /* a jump */
    REFUSED("\x0f\x7f\x77\0");                   /* an expression past the end */
    REFUSED("\x01\0\0\0\0");                     /* set_loc */
    REFUSED("\x3f");                             /* no such instruction */
    REFUSED("\x86\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"); /* a number of more than 64 bits */
    char many[200];
    memset(many, 0x0a, sizeof many);             /* states remembered without end */
    expect_refused(many, sizeof many);
}

static void test_refused_cies(void **state)
{
    (void)state;
    put_cie(200, "\x0c\7\x8\x90\1", 5);          /* return address in column 200 */
    FUNCTION(0x00, 0x10, "");
    size_t bad = function_count;
    put_cie(16, "", 0);                          /* no rule for the frame address: an assertion in libunwind */
    FUNCTION(0x10, 0x10, "\x41\x0e\x10");
    FUNCTION(0x20, 0x10, "");
    FUNCTION(0x30, 0x10, "\x0a\x0c\7\x8\x0b"); /* has one, and goes back to before */
    PLAIN_CIE();
    FUNCTION(0x40, 0x10, "");
    assert_int_equal(bad, 1);
    assert_int_equal(build(), 0);
    assert_int_equal(rows->functions_refused, 4);
    assert_int_equal(rows->first_offset, CODE + 0x40);
}

static void test_bad_images(void **state)
{
    (void)state;
    PLAIN_CIE();
    assert_int_equal(build(), PANDO_ERR_NOT_FOUND); /* no functions */
    FUNCTION(0x00, 0x10, "");
    assert_int_equal(build_with(50), PANDO_ERR_LIMIT);
    assert_int_equal(build(), 0);
    image[HDR] = 2;
    uint64_t header = (uint64_t)(uintptr_t)image;
    struct pando_rows *none = NULL;
    assert_int_equal(pando_row_builder_build(builder, header, header, SIZE_MAX / 2, &none), PANDO_ERR_SYNTAX);
    image[HDR] = 1;
    image[HDR + 11] = 0x7f; /* more functions than the header has room for */
    assert_int_equal(pando_row_builder_build(builder, header, header, SIZE_MAX / 2, &none), PANDO_ERR_SYNTAX);
    image[1] = 'X';
    assert_int_equal(pando_row_builder_build(builder, header, header, SIZE_MAX / 2, &none), PANDO_ERR_SYNTAX);
    assert_int_equal(pando_row_builder_build(builder, 0x1000, 0x1000, SIZE_MAX / 2, &none), PANDO_ERR_IO); /* nothing is there */
    assert_null(none);
}

static void test_vdso(void **state)
{
    (void)state;
    uint64_t header = getauxval(AT_SYSINFO_EHDR);
    if (header == 0)
        skip();
    assert_int_equal(pando_row_builder_build(builder, header, header, SIZE_MAX / 2, &rows), 0);
    assert_true(rows->functions >= 4 && rows->functions_refused == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, release)
    const struct CMUnitTest tests[] = {
        TEST(test_prologue_and_gap), TEST(test_expressions),  TEST(test_large_offsets), TEST(test_without_table),
        TEST(test_refused),          TEST(test_refused_cies), TEST(test_bad_images),    TEST(test_vdso),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
