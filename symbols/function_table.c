/* Why: symbols/function_table.h. Context: worker. */
#include "symbols/function_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "symbols/demangle.h"

enum {
    NAME_MAX_BYTES = 4096,   /* of a symbol; longer ones are cut */
    ENCLOSING_MAX = 64,      /* functions around an inner label that are tried */
    NO_ENTRY = INT32_MAX,
};
#define NO_OWN_SIZE 0x80000000u   /* in enclosing: the object does not say how long it is */
#define NAME_IS_SHOWN 0x80000000u /* the name is in `shown`, not in `mangled` */

struct entry {
    uint32_t start, size;    /* relative to base */
    uint32_t name;           /* offset in mangled or, with NAME_IS_SHOWN, in shown */
    uint32_t enclosing;      /* the nearest entry before this one that reaches over its start; and NO_OWN_SIZE */
};

struct pando_function_table {
    uint64_t base;
    struct entry *entries;
    char *mangled;
    size_t count, mangled_bytes;
    char *shown;             /* names as shown, NUL-terminated each */
    size_t shown_bytes, shown_capacity_bytes, limit_bytes;
    char scratch[PANDO_DEMANGLE_TEXT_BYTES];
};

static size_t leading_underscores(const char *name)
{
    return strspn(name, "_");
}

/* Which of two symbols with the same start is shown: one with a size, one that is called a function, one that other
 * objects see (weak ones are as good: libc's public names are weak), the fewest leading underscores, the shorter, the first. */
static int by_preference(const struct pando_function_symbol *a, const struct pando_function_symbol *b)
{
    if ((a->size == 0) != (b->size == 0))
        return a->size == 0 ? 1 : -1;
    if (a->is_function != b->is_function)
        return a->is_function ? -1 : 1;
    if (a->is_local != b->is_local)
        return a->is_local ? 1 : -1;
    size_t a_lines = leading_underscores(a->name), b_lines = leading_underscores(b->name);
    if (a_lines != b_lines)
        return a_lines < b_lines ? -1 : 1;
    size_t a_len = strlen(a->name), b_len = strlen(b->name);
    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int by_start_and_preference(const void *a, const void *b)
{
    const struct pando_function_symbol *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return by_preference(x, y);
}

/* Keeps one symbol a start address, without the labels inside of functions. Returns how many. */
static size_t keep_preferred(struct pando_function_symbol *symbols, size_t count)
{
    size_t kept = 0;
    uint64_t covered_to = 0; /* by functions with a size */
    for (size_t i = 0; i < count; i++) {
        struct pando_function_symbol *symbol = &symbols[i];
        if (kept != 0 && symbol->start == symbols[kept - 1].start)
            continue;
        if (symbol->size == 0 && symbol->start < covered_to)
            continue;
        if (symbol->size != 0 && symbol->start + symbol->size > covered_to)
            covered_to = symbol->start + symbol->size;
        symbols[kept++] = *symbol;
    }
    return kept;
}

/* A symbol without a size reaches to the next one, or to the end of its section. */
static void give_sizes(struct pando_function_symbol *symbols, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        symbols[i].has_own_size = symbols[i].size != 0;
        if (symbols[i].has_own_size)
            continue;
        uint64_t size = symbols[i].room;
        if (i + 1 < count && symbols[i + 1].start - symbols[i].start < size)
            size = symbols[i + 1].start - symbols[i].start;
        symbols[i].size = (uint32_t)size;
    }
}

static void fill_entries(struct pando_function_table *table, const struct pando_function_symbol *symbols)
{
    size_t name = 0;
    for (size_t i = 0; i < table->count; i++) {
        struct entry *entry = &table->entries[i];
        size_t len = strnlen(symbols[i].name, NAME_MAX_BYTES);
        memcpy(table->mangled + name, symbols[i].name, len);
        table->mangled[name + len] = '\0';
        *entry = (struct entry){.start = (uint32_t)(symbols[i].start - table->base), .size = symbols[i].size,
                                .name = (uint32_t)name, .enclosing = NO_ENTRY};
        name += len + 1;
        uint32_t before = i == 0 ? NO_ENTRY : (uint32_t)(i - 1);
        while (before != NO_ENTRY &&
               (uint64_t)table->entries[before].start + table->entries[before].size <= entry->start)
            before = table->entries[before].enclosing & ~NO_OWN_SIZE;
        entry->enclosing = before | (symbols[i].has_own_size ? 0 : NO_OWN_SIZE);
    }
}

int pando_function_table_make(struct pando_function_symbol *symbols, size_t count, size_t limit_bytes,
                              struct pando_function_table **ret_table)
{
    if (count != 0)
        qsort(symbols, count, sizeof *symbols, by_start_and_preference);
    count = keep_preferred(symbols, count);
    while (count != 0 && symbols[count - 1].start - symbols[0].start > UINT32_MAX)
        count--; /* more than 4 GB of code in one object: the rest has no names */
    give_sizes(symbols, count);

    size_t mangled_bytes = 1;
    for (size_t i = 0; i < count; i++)
        mangled_bytes += strnlen(symbols[i].name, NAME_MAX_BYTES) + 1;
    size_t bytes = sizeof(struct pando_function_table) + count * sizeof(struct entry) + mangled_bytes;
    if (bytes > limit_bytes || mangled_bytes >= NAME_IS_SHOWN || count >= NO_ENTRY)
        return PANDO_ERR_LIMIT;

    struct pando_function_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return PANDO_ERR_NO_MEMORY;
    table->entries = malloc(count * sizeof(struct entry) + 1);
    table->mangled = malloc(mangled_bytes);
    if (table->entries == NULL || table->mangled == NULL) {
        pando_function_table_free(table);
        return PANDO_ERR_NO_MEMORY;
    }
    table->base = count != 0 ? symbols[0].start : 0;
    table->count = count;
    table->mangled_bytes = mangled_bytes;
    table->limit_bytes = limit_bytes;
    fill_entries(table, symbols);
    *ret_table = table;
    return 0;
}

void pando_function_table_free(struct pando_function_table *table)
{
    if (table == NULL)
        return;
    free(table->entries);
    free(table->mangled);
    free(table->shown);
    free(table);
}

size_t pando_function_table_bytes(const struct pando_function_table *table)
{
    return sizeof *table + table->count * sizeof(struct entry) + table->mangled_bytes + table->shown_capacity_bytes;
}

size_t pando_function_table_count(const struct pando_function_table *table)
{
    return table->count;
}

static const struct entry *find_entry(const struct pando_function_table *table, uint64_t address)
{
    if (address < table->base || address - table->base > UINT32_MAX)
        return NULL;
    uint32_t at = (uint32_t)(address - table->base);
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->entries[middle].start <= at)
            low = middle + 1;
        else
            high = middle;
    }
    uint32_t number = low == 0 ? NO_ENTRY : (uint32_t)(low - 1);
    for (int tries = 0; number != NO_ENTRY && tries < ENCLOSING_MAX; tries++) {
        const struct entry *entry = &table->entries[number];
        if (at - entry->start < entry->size)
            return entry;
        number = entry->enclosing & ~NO_OWN_SIZE;
    }
    return NULL;
}

bool pando_function_table_reaches(const struct pando_function_table *table, uint64_t address, uint64_t *ret_start)
{
    const struct entry *entry = find_entry(table, address);
    if (entry == NULL || (entry->enclosing & NO_OWN_SIZE) == 0)
        return false;
    *ret_start = table->base + entry->start;
    return true;
}

/* Room for `more` bytes in shown; false when the limit or the memory does not allow it. */
static bool make_room(struct pando_function_table *table, size_t more)
{
    if (table->shown_capacity_bytes - table->shown_bytes >= more)
        return true;
    size_t capacity = table->shown_capacity_bytes + table->shown_capacity_bytes / 2 + more + 512;
    if (pando_function_table_bytes(table) - table->shown_capacity_bytes + capacity > table->limit_bytes ||
        capacity >= NAME_IS_SHOWN)
        return false;
    char *shown = realloc(table->shown, capacity);
    if (shown == NULL)
        return false;
    table->shown = shown;
    table->shown_capacity_bytes = capacity;
    return true;
}

const char *pando_function_table_find(struct pando_function_table *table, uint64_t address)
{
    const struct entry *found = find_entry(table, address);
    if (found == NULL)
        return NULL;
    struct entry *entry = &table->entries[found - table->entries];
    if ((entry->name & NAME_IS_SHOWN) != 0)
        return table->shown + (entry->name & ~NAME_IS_SHOWN);
    size_t len = pando_demangle(table->mangled + entry->name, table->scratch, sizeof table->scratch);
    if (!make_room(table, len + 1))
        return table->scratch;
    memcpy(table->shown + table->shown_bytes, table->scratch, len + 1);
    entry->name = (uint32_t)table->shown_bytes | NAME_IS_SHOWN;
    table->shown_bytes += len + 1;
    return table->shown + (entry->name & ~NAME_IS_SHOWN);
}
