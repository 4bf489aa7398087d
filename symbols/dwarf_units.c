/* Why: symbols/dwarf_units.h. Context: as there. */
#include "symbols/dwarf_units.h"

#include <dwarf.h>
#include <stdlib.h>

#include "base/error.h"

enum {
    DEPTH_MAX = 48,       /* of entries within entries */
    LOOK_BACK_MAX = 64,   /* ranges before an address that may reach over it */
};

/* A function that the linker threw away begins at 0 or 1: no code lies there. */
static const uint64_t LOWEST_CODE = 2;

static int reserve(struct pando_dwarf_units *units, void **items, size_t count, size_t *capacity, size_t item_bytes)
{
    if (count < *capacity)
        return 0;
    size_t more = *capacity / 2 + 64;
    if (units->bytes > units->limit_bytes || more > (units->limit_bytes - units->bytes) / item_bytes)
        return PANDO_ERR_LIMIT;
    void *larger = realloc(*items, (*capacity + more) * item_bytes);
    if (larger == NULL)
        return PANDO_ERR_NO_MEMORY;
    *items = larger;
    *capacity += more;
    units->bytes += more * item_bytes;
    return 0;
}

static int add_ranges(struct pando_dwarf_units *units, struct pando_dwarf_ranges *ranges, Dwarf_Die *entry, uint64_t what)
{
    Dwarf_Addr base, start, end;
    ptrdiff_t at = 0;
    while ((at = dwarf_ranges(entry, at, &base, &start, &end)) > 0) {
        if (start < LOWEST_CODE || start >= end)
            continue;
        int error = reserve(units, (void **)&ranges->items, ranges->count, &ranges->capacity, sizeof *ranges->items);
        if (error != 0)
            return error;
        ranges->items[ranges->count++] = (struct pando_dwarf_range){.start = start, .end = end, .what = what};
    }
    return 0;
}

/* Of those with one start the last is found first: it should be the shorter one. */
static int by_start(const void *a, const void *b)
{
    const struct pando_dwarf_range *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->end != y->end)
        return x->end > y->end ? -1 : 1;
    return (x->what < y->what) - (x->what > y->what);
}

static void sort(struct pando_dwarf_ranges *ranges)
{
    if (ranges->count != 0)
        qsort(ranges->items, ranges->count, sizeof *ranges->items, by_start);
}

static const struct pando_dwarf_range *find(const struct pando_dwarf_ranges *ranges, uint64_t address)
{
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t tries = 0; low > 0 && tries < LOOK_BACK_MAX; tries++)
        if (address < ranges->items[--low].end)
            return &ranges->items[low];
    return NULL;
}

int pando_dwarf_units_read(struct pando_dwarf_units *units, Dwarf *dwarf, size_t limit_bytes)
{
    *units = (struct pando_dwarf_units){.dwarf = dwarf, .limit_bytes = limit_bytes};
    Dwarf_Off offset = 0, next, abbreviations;
    size_t header_bytes;
    Dwarf_Half version;
    uint8_t address_bytes, offset_bytes;
    while (dwarf_next_unit(dwarf, offset, &next, &header_bytes, &version, &abbreviations, &address_bytes, &offset_bytes,
                           NULL, NULL) == 0 && next > offset) {
        Dwarf_Die entry;
        Dwarf_Off entry_offset = offset + header_bytes;
        offset = next;
        if (dwarf_offdie(dwarf, entry_offset, &entry) == NULL)
            continue;
        int tag = dwarf_tag(&entry);
        if (tag != DW_TAG_compile_unit && tag != DW_TAG_skeleton_unit)
            continue;
        int error = reserve(units, (void **)&units->items, units->count, &units->capacity, sizeof *units->items);
        if (error == 0)
            error = add_ranges(units, &units->ranges, &entry, units->count);
        if (error != 0)
            return error;
        units->items[units->count++] = (struct pando_dwarf_unit){.entry = entry_offset};
    }
    sort(&units->ranges);
    return 0;
}

void pando_dwarf_units_release(struct pando_dwarf_units *units)
{
    for (size_t i = 0; i < units->count; i++)
        free(units->items[i].functions.items);
    free(units->items);
    free(units->ranges.items);
    *units = (struct pando_dwarf_units){0};
}

struct pando_dwarf_unit *pando_dwarf_units_find(const struct pando_dwarf_units *units, uint64_t address)
{
    const struct pando_dwarf_range *range = find(&units->ranges, address);
    return range != NULL ? &units->items[range->what] : NULL;
}

/* Where functions may lie: always, or (in a second look, for languages and compilers that nest them) within others. */
static bool may_have_functions(int tag, bool everywhere)
{
    switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
        return true;
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
    case DW_TAG_variant_part:
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
        return everywhere;
    default:
        return false;
    }
}

static int add_functions(struct pando_dwarf_units *units, struct pando_dwarf_unit *unit, Dwarf_Die *parent, bool everywhere,
                         unsigned depth)
{
    Dwarf_Die entry, next;
    if (depth == DEPTH_MAX || dwarf_child(parent, &entry) != 0)
        return 0;
    for (;;) {
        int tag = dwarf_tag(&entry), error = 0;
        if (tag == DW_TAG_subprogram)
            error = add_ranges(units, &unit->functions, &entry, dwarf_dieoffset(&entry));
        if (error == 0 && may_have_functions(tag, everywhere))
            error = add_functions(units, unit, &entry, everywhere, depth + 1);
        if (error != 0)
            return error;
        if (dwarf_siblingof(&entry, &next) != 0 || next.addr <= entry.addr)
            return 0;
        entry = next;
    }
}

static int read_functions(struct pando_dwarf_units *units, struct pando_dwarf_unit *unit, bool everywhere)
{
    Dwarf_Die top;
    unit->functions.count = 0;
    unit->knows_functions = true;
    unit->knows_all_functions = everywhere;
    /* The rest of a split unit is in another file, which libdw would map; its lines are here all the same. */
    if (dwarf_offdie(units->dwarf, unit->entry, &top) == NULL || dwarf_tag(&top) == DW_TAG_skeleton_unit ||
        dwarf_hasattr(&top, DW_AT_GNU_dwo_name))
        return 0;
    int error = add_functions(units, unit, &top, everywhere, 0);
    sort(&unit->functions);
    return error;
}

int pando_dwarf_units_function(struct pando_dwarf_units *units, struct pando_dwarf_unit *unit, uint64_t address,
                               Dwarf_Die *ret_entry)
{
    int error = unit->knows_functions ? 0 : read_functions(units, unit, false);
    const struct pando_dwarf_range *range = find(&unit->functions, address);
    if (error == 0 && range == NULL && !unit->knows_all_functions) {
        error = read_functions(units, unit, true);
        range = find(&unit->functions, address);
    }
    if (error != 0)
        return error;
    return range != NULL && dwarf_offdie(units->dwarf, range->what, ret_entry) != NULL ? 0 : PANDO_ERR_NOT_FOUND;
}
