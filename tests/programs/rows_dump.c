// link: pando_collector pando_symbols pando_base pando_unwind
/* Prints the rows of an object, for tests/integration/rows_oracle_test.py to compare with another reader of the same file.
 * Usage: rows_dump [-s] OBJECT: a line a row, "offset kind reg cfa deref add rbp rbp_offset ra index", offsets in hexadecimal; the
 * last line ends the table. -s: only a line of statistics, with the fastest of five builds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "collector/row_builder.h"
#include "tests/programs/mapped_object.h"

static void print_row(const struct pando_rows *rows, const struct pando_row *row)
{
    static const char *const kinds[] = {"none", "end", "cfa", "cfa", "plt", "signal", "cfa"};
    struct pando_row_extra rule = {.reg = row->kind == PANDO_ROW_RBP ? 6 : 7, .offset = pando_row_cfa_words(row) * 8,
                                   .rbp = row->rbp, .rbp_offset = row->rbp_words * -8, .ra_reg = PANDO_ROW_RA_AT_CFA,
                                   .index_reg = PANDO_ROW_NO_INDEX};
    if (row->kind == PANDO_ROW_EXTRA)
        rule = rows->extras[row->cfa_words];
    printf("%" PRIx64 " %s", rows->first_offset + row->offset, kinds[row->kind]);
    if (row->kind == PANDO_ROW_RSP || row->kind == PANDO_ROW_RBP || row->kind == PANDO_ROW_EXTRA)
        printf(" %d %d %d %d %d %d %d %d", rule.reg, rule.offset, rule.is_deref, rule.add, rule.rbp,
               rule.rbp == PANDO_ROW_RBP_SAME || rule.rbp == PANDO_ROW_RBP_LOST ? 0 : rule.rbp_offset, rule.ra_reg, rule.index_reg);
    putchar('\n');
}

static void print_statistics(const char *path, const struct pando_rows *rows, uint64_t best_ns)
{
    uint32_t kinds[8] = {0};
    for (uint32_t i = 0; i < rows->row_count; i++)
        kinds[rows->rows[i].kind]++;
    printf("%s: functions %u refused %u rows %u extras %u none %u extra-rows %u no-rule %u end %u plt %u signal %u bytes %zu "
           "build-us %" PRIu64 "%s\n",
           path, rows->functions, rows->functions_refused, rows->row_count, rows->extra_count, kinds[PANDO_ROW_NONE],
           kinds[PANDO_ROW_EXTRA], rows->ranges_no_rule, kinds[PANDO_ROW_END], kinds[PANDO_ROW_PLT],
           kinds[PANDO_ROW_SIGNAL], rows->memory_bytes, best_ns / 1000, rows->rbx != NULL ? " rbx" : "");
}

int main(int argc, char **argv)
{
    bool statistics = argc == 3 && strcmp(argv[1], "-s") == 0;
    struct mapped_object object = {0};
    struct pando_rows *rows = NULL;
    if (argc != 2 + statistics || map_object(argv[argc - 1], &object) != 0) {
        fprintf(stderr, "usage: rows_dump [-s] OBJECT\n");
        return 2;
    }
    struct pando_row_builder *builder = pando_row_builder_new();
    uint64_t best_ns = UINT64_MAX;
    for (int i = 0; i < (statistics ? 5 : 1); i++) {
        free(rows);
        uint64_t before_ns = pando_clock_mono_ns();
        int error = builder != NULL ? pando_row_builder_build(builder, object.header_address, object.bias, SIZE_MAX / 2, &rows)
                                    : PANDO_ERR_NO_MEMORY;
        uint64_t took_ns = pando_clock_mono_ns() - before_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
        if (error != 0) {
            fprintf(stderr, "rows_dump: %s: %s\n", argv[argc - 1], pando_error_text(error));
            return 1;
        }
    }
    if (statistics)
        print_statistics(argv[argc - 1], rows, best_ns);
    for (uint32_t i = 0; i < rows->row_count && !statistics; i++)
        print_row(rows, &rows->rows[i]);
    if (!statistics)
        printf("%" PRIx64 " end-of-table\n", rows->first_offset + rows->length_bytes);
    free(rows);
    pando_row_builder_free(builder);
    return 0;
}
