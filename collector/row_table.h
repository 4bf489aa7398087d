/* Why: collects rules in order of the code and packs them into the one block that the handler reads (exchange/rows.h).
 * Context: worker. Private to collector/. */
#ifndef PANDO_COLLECTOR_ROW_TABLE_H
#define PANDO_COLLECTOR_ROW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/row_rules.h"
#include "exchange/rows.h"

struct pando_row_table {
    uint64_t first_offset;   /* ELF virtual address of the first row */
    size_t limit_bytes;
    bool with_rbx;           /* keep pando_rows.rbx */
    bool needs_rbx;          /* some rule added needs it */
    uint64_t end;            /* ELF virtual address up to which there are rows */
    uint32_t row_count, row_capacity;
    struct pando_row *rows;
    uint8_t *rbx;
    uint32_t extra_count, extra_capacity;
    struct pando_row_extra *extras;
    uint32_t ranges_no_rule;
};

/* Appends what holds from `from` (not below table->end; a gap gets a row without a rule) to `to`. 0, PANDO_ERR_NO_MEMORY or
 * PANDO_ERR_LIMIT. */
int pando_row_table_add(struct pando_row_table *table, uint64_t from, uint64_t to, const struct pando_rule *rule);

/* Makes the block, malloc'ed. 0, PANDO_ERR_NOT_FOUND (no rows), PANDO_ERR_NO_MEMORY, PANDO_ERR_LIMIT. */
int pando_row_table_pack(const struct pando_row_table *table, struct pando_rows **ret_rows);

void pando_row_table_release(struct pando_row_table *table);

#endif
