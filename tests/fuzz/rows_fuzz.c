// link: pando_collector pando_walker pando_exchange pando_symbols pando_base pando_unwind
/* Why: soak test of the row builder, which lets libunwind interpret bytes that may be hostile: it must neither crash nor hang nor
 * take more memory than it is given, and what it returns must be a table that the handler can trust.
 * Usage: rows_fuzz FILE [ROUNDS [SEED]]: damages FILE ROUNDS times (0: as it is), half of the time in its unwind information.
 * With -DPANDO_LIBFUZZER it is a target of libFuzzer. The input is an ELF image as it lies in memory: file offsets are addresses. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "collector/row_builder.h"
#include "collector/unwind_image.h"

enum { LIMIT_BYTES = 4 << 20, INPUT_MAX_BYTES = 8 << 20, PAGE_BYTES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

static void require(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "rows_fuzz: %s\n", what);
    abort();
}

/* What pando_rows_find and the walker rely on. */
static void check_table(const struct pando_rows *rows)
{
    require(rows->memory_bytes <= LIMIT_BYTES, "larger than the limit");
    require(rows->row_count > 0 && rows->rows[0].offset == 0, "does not begin with its first row");
    for (uint32_t i = 0; i < rows->row_count; i++) {
        const struct pando_row *row = &rows->rows[i];
        require(row->offset < rows->length_bytes, "a row past the end");
        require(i == 0 || rows->rows[i - 1].offset < row->offset, "rows out of order");
        require(row->kind <= PANDO_ROW_EXTRA && row->rbp <= PANDO_ROW_RBP_LOST, "no such kind");
        require(row->kind != PANDO_ROW_EXTRA || row->cfa_words < rows->extra_count, "no such extra");
    }
    for (uint32_t i = 0; i < rows->extra_count; i++) {
        const struct pando_row_extra *extra = &rows->extras[i];
        require(extra->reg < 16 && (extra->ra_reg < 16 || extra->ra_reg == PANDO_ROW_RA_AT_CFA) &&
                    (extra->index_reg < 16 || extra->index_reg == PANDO_ROW_NO_INDEX), "no such register");
    }
    require(rows->block_count == (rows->length_bytes + 255) / 256, "wrong number of blocks");
    for (uint32_t b = 0; b < rows->block_count; b++) {
        require(rows->blocks[b] < rows->row_count && rows->rows[rows->blocks[b]].offset <= b * 256u, "wrong block");
        require(rows->blocks[b] + 1 == rows->row_count || rows->rows[rows->blocks[b] + 1].offset > b * 256u, "block too early");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    static struct pando_row_builder *builder;
    static uint8_t *area;
    if (builder == NULL) {
        builder = pando_row_builder_new();
        area = mmap(NULL, INPUT_MAX_BYTES + PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        require(builder != NULL && area != MAP_FAILED, "no memory");
    }
    size_t mapped = (len_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    if (len_bytes == 0 || mapped > INPUT_MAX_BYTES || mprotect(area, mapped, PROT_READ | PROT_WRITE) != 0)
        return 0;
    memcpy(area, bytes, len_bytes);
    memset(area + len_bytes, 0, mapped - len_bytes);
    struct pando_image_headers headers;
    struct pando_rows *rows = NULL;
    uint64_t header = (uint64_t)(uintptr_t)area;
    if (pando_image_read_headers(header, &headers) == 0 &&
        pando_row_builder_build(builder, header, header - headers.first_vaddr, LIMIT_BYTES, &rows) == 0) {
        check_table(rows);
        free(rows);
    }
    mprotect(area, mapped, PROT_NONE);
    return 0;
}

#ifndef PANDO_LIBFUZZER
#include <elf.h>

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 32;
}

/* Where .eh_frame_hdr begins, and what follows it up to the end of its segment. */
static void find_unwind(const uint8_t *input, size_t len, size_t *ret_from, size_t *ret_bytes)
{
    Elf64_Ehdr file;
    Elf64_Phdr segment, load = {.p_filesz = 0};
    *ret_from = 0;
    *ret_bytes = len;
    memcpy(&file, input, sizeof file);
    for (int i = 0; i < file.e_phnum && file.e_phoff + ((size_t)i + 1) * sizeof segment <= len; i++) {
        memcpy(&segment, input + file.e_phoff + (size_t)i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_LOAD && segment.p_offset < len && segment.p_offset + segment.p_filesz <= len)
            load = segment;
        if (segment.p_type == PT_GNU_EH_FRAME && segment.p_offset < len)
            *ret_from = segment.p_offset;
        if (*ret_from >= load.p_offset && *ret_from < load.p_offset + load.p_filesz && *ret_from != 0)
            *ret_bytes = load.p_offset + load.p_filesz - *ret_from;
    }
}

int main(int argc, char **argv)
{
    FILE *file = argc >= 2 ? fopen(argv[1], "rb") : NULL;
    uint8_t *input = malloc(INPUT_MAX_BYTES), *damaged = malloc(INPUT_MAX_BYTES);
    if (file == NULL || input == NULL || damaged == NULL) {
        fputs("usage: rows_fuzz FILE [ROUNDS [SEED]]\n", stderr);
        return 2;
    }
    size_t len = fread(input, 1, INPUT_MAX_BYTES, file), from, bytes;
    fclose(file);
    require(len >= sizeof(Elf64_Ehdr), "too short");
    find_unwind(input, len, &from, &bytes);
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    uint64_t seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    LLVMFuzzerTestOneInput(input, len);
    for (unsigned long i = 0; i < rounds; i++) {
        memcpy(damaged, input, len);
        for (uint64_t times = next_random(&seed) % 32 + 1; times > 0; times--) {
            size_t at = next_random(&seed) % len;
            if (next_random(&seed) % 8 != 0)
                at = from + at % bytes;
            else if (next_random(&seed) % 2 == 0)
                at = at % 1024;
            damaged[at] = next_random(&seed) % 2 == 0 ? (uint8_t)next_random(&seed) : (uint8_t)(damaged[at] ^ (1 << (at & 7)));
        }
        LLVMFuzzerTestOneInput(damaged, next_random(&seed) % 16 == 0 ? next_random(&seed) % len + 1 : len);
    }
    free(input);
    free(damaged);
    return 0;
}
#endif
