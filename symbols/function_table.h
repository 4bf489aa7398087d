/* Why: the functions of one object, sorted, one name each: which of several symbols at an address is shown, where a symbol
 * without a size ends, and which of two overlapping ones is meant. Knows no file format.
 * Context: worker; one owner. Private to symbols/. */
#ifndef PANDO_SYMBOLS_FUNCTION_TABLE_H
#define PANDO_SYMBOLS_FUNCTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A symbol as the object has it. */
struct pando_function_symbol {
    uint64_t start;      /* ELF virtual address */
    const char *name;    /* must live until the table is made */
    uint32_t size;       /* bytes; 0 unknown */
    uint32_t room;       /* bytes to the end of its section: a symbol without a size cannot reach further */
    bool is_function;    /* the object says so; else it is a label in code */
    bool is_local;
    bool has_own_size;   /* set while the table is made */
};

struct pando_function_table;

/* Sorts `symbols` (in place) and makes the table of them. Returns 0, PANDO_ERR_LIMIT (it would need more than
 * limit_bytes) or PANDO_ERR_NO_MEMORY. */
int pando_function_table_make(struct pando_function_symbol *symbols, size_t count, size_t limit_bytes,
                              struct pando_function_table **ret_table);
void pando_function_table_free(struct pando_function_table *table);
/* Memory in use; grows when names are shown for the first time. */
size_t pando_function_table_bytes(const struct pando_function_table *table);
size_t pando_function_table_count(const struct pando_function_table *table);
/* The function that contains `address`, as shown (demangled at the first time, kept as long as that fits limit_bytes).
 * NULL: none. Valid until the next call with this table. */
const char *pando_function_table_find(struct pando_function_table *table, uint64_t address);
/* Whether the function found at `address` does not say how long it is, and so reaches as far as nothing else begins; then its start. */
bool pando_function_table_reaches(const struct pando_function_table *table, uint64_t address, uint64_t *ret_start);

#endif
