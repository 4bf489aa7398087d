/* Why: collector/row_table.h. Context: worker. */
#include "collector/row_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { EXTRAS_MAX = 1 << 17, EXTRAS_COMPARED = 64 };

static bool same_row(const struct pando_row *a, const struct pando_row *b)
{
    return a->kind == b->kind && a->rbp == b->rbp && a->rbp_words == b->rbp_words && a->cfa_words == b->cfa_words;
}

static bool same_extra(const struct pando_row_extra *a, const struct pando_row_extra *b)
{
    return a->reg == b->reg && a->index_reg == b->index_reg && a->is_deref == b->is_deref && a->rbp == b->rbp &&
           a->ra_reg == b->ra_reg && a->offset == b->offset && a->add == b->add && a->rbp_offset == b->rbp_offset;
}

/* The number of an extra like this one: one of the latest, or new. */
static int number_extra(struct pando_row_table *table, const struct pando_row_extra *extra, uint32_t *ret_number)
{
    uint32_t from = table->extra_count > EXTRAS_COMPARED ? table->extra_count - EXTRAS_COMPARED : 0;
    for (uint32_t i = from; i < table->extra_count; i++) {
        if (same_extra(&table->extras[i], extra)) {
            *ret_number = i;
            return 0;
        }
    }
    if (table->extra_count == EXTRAS_MAX)
        return PANDO_ERR_LIMIT;
    if (table->extra_count == table->extra_capacity) {
        uint32_t capacity = table->extra_capacity * 2 + 16;
        struct pando_row_extra *extras = realloc(table->extras, capacity * sizeof *extras);
        if (extras == NULL)
            return PANDO_ERR_NO_MEMORY;
        table->extras = extras;
        table->extra_capacity = capacity;
    }
    *ret_number = table->extra_count;
    table->extras[table->extra_count++] = *extra;
    return 0;
}

static int make_room(struct pando_row_table *table)
{
    if (table->row_count < table->row_capacity)
        return 0;
    if ((table->row_count + 1) * sizeof *table->rows > table->limit_bytes || table->row_count > UINT32_MAX / 4)
        return PANDO_ERR_LIMIT;
    uint32_t capacity = table->row_capacity + table->row_capacity / 2 + 256;
    struct pando_row *rows = realloc(table->rows, capacity * sizeof *rows);
    if (rows == NULL)
        return PANDO_ERR_NO_MEMORY;
    table->rows = rows;
    if (table->with_rbx) {
        uint8_t *rbx = realloc(table->rbx, capacity);
        if (rbx == NULL)
            return PANDO_ERR_NO_MEMORY;
        table->rbx = rbx;
    }
    table->row_capacity = capacity;
    return 0;
}

static int add_row(struct pando_row_table *table, uint64_t from, struct pando_row row, uint8_t rbx)
{
    uint64_t offset = from - table->first_offset;
    if (offset > UINT32_MAX)
        return PANDO_ERR_LIMIT;
    if (table->row_count != 0 && same_row(&table->rows[table->row_count - 1], &row) &&
        (!table->with_rbx || table->rbx[table->row_count - 1] == rbx))
        return 0;
    int error = make_room(table);
    if (error != 0)
        return error;
    row.offset = (uint32_t)offset;
    if (table->with_rbx)
        table->rbx[table->row_count] = rbx;
    table->rows[table->row_count++] = row;
    return 0;
}

int pando_row_table_add(struct pando_row_table *table, uint64_t from, uint64_t to, const struct pando_rule *rule)
{
    struct pando_row row = rule->row;
    if (from >= to)
        return 0;
    if (table->row_count == 0)
        table->first_offset = table->end = from;
    int error = from > table->end ? add_row(table, table->end, (struct pando_row){.kind = PANDO_ROW_NONE},
                                            PANDO_ROW_RBX_LOST)
                                  : 0;
    if (error == 0 && row.kind == PANDO_ROW_EXTRA) {
        uint32_t number = 0;
        error = number_extra(table, &rule->extra, &number);
        row.cfa_words = number & ((1u << 18) - 1);
        table->needs_rbx = table->needs_rbx || rule->extra.reg == 3;
    }
    if (error == 0)
        error = add_row(table, from, row, rule->rbx);
    if (error != 0)
        return error;
    table->end = to;
    table->ranges_no_rule += rule->not_held;
    return 0;
}

/* blocks[b]: the last row that begins at or before the block's first byte. */
static void index_blocks(uint32_t *blocks, uint32_t block_count, const struct pando_row *rows, uint32_t row_count)
{
    uint32_t row = 0;
    for (uint32_t block = 0; block < block_count; block++) {
        while (row + 1 < row_count && rows[row + 1].offset <= (uint64_t)block << PANDO_ROWS_BLOCK_SHIFT)
            row++;
        blocks[block] = row;
    }
}

int pando_row_table_pack(const struct pando_row_table *table, struct pando_rows **ret_rows)
{
    uint64_t length = table->end - table->first_offset;
    if (table->row_count == 0)
        return PANDO_ERR_NOT_FOUND;
    if (length > UINT32_MAX)
        return PANDO_ERR_LIMIT;
    uint32_t block_count = (uint32_t)((length + (1u << PANDO_ROWS_BLOCK_SHIFT) - 1) >> PANDO_ROWS_BLOCK_SHIFT);
    /* In order of alignment: no gaps. */
    size_t rows_bytes = table->row_count * sizeof(struct pando_row);
    size_t extras_bytes = table->extra_count * sizeof(struct pando_row_extra);
    size_t blocks_bytes = block_count * sizeof(uint32_t);
    size_t rbx_bytes = table->with_rbx ? table->row_count : 0;
    size_t bytes = sizeof(struct pando_rows) + rows_bytes + extras_bytes + blocks_bytes + rbx_bytes;
    if (bytes > table->limit_bytes)
        return PANDO_ERR_LIMIT;
    uint8_t *block = malloc(bytes);
    if (block == NULL)
        return PANDO_ERR_NO_MEMORY;
    uint8_t *rows_at = block + sizeof(struct pando_rows), *extras_at = rows_at + rows_bytes;
    uint8_t *blocks_at = extras_at + extras_bytes, *rbx_at = blocks_at + blocks_bytes;
    memcpy(rows_at, table->rows, rows_bytes);
    if (extras_bytes != 0)
        memcpy(extras_at, table->extras, extras_bytes);
    index_blocks((uint32_t *)(void *)blocks_at, block_count, table->rows, table->row_count);
    if (table->with_rbx)
        memcpy(rbx_at, table->rbx, table->row_count);
    struct pando_rows *rows = (struct pando_rows *)(void *)block;
    *rows = (struct pando_rows){
        .first_offset = table->first_offset, .length_bytes = (uint32_t)length, .row_count = table->row_count,
        .block_count = block_count, .extra_count = table->extra_count, .blocks = (const uint32_t *)(void *)blocks_at,
        .rows = (const struct pando_row *)(void *)rows_at, .extras = (const struct pando_row_extra *)(void *)extras_at,
        .rbx = table->with_rbx ? rbx_at : NULL, .ranges_no_rule = table->ranges_no_rule, .memory_bytes = bytes,
    };
    *ret_rows = rows;
    return 0;
}

void pando_row_table_release(struct pando_row_table *table)
{
    free(table->rows);
    free(table->rbx);
    free(table->extras);
    *table = (struct pando_row_table){0};
}
