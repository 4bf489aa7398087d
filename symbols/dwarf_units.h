/* Why: which unit of the debug information, and which function entry in it, an address belongs to. libdw's own look-up needs
 * .debug_aranges, which clang and rustc do not write, and walks a unit from its beginning for every address; this reads the
 * units' ranges once, and a unit's functions when the first address falls into it.
 * Context: worker and own processes; one owner. Private to symbols/. The debug information may be hostile: walks go forward only,
 * to a bounded depth, and memory is counted. */
#ifndef PANDO_SYMBOLS_DWARF_UNITS_H
#define PANDO_SYMBOLS_DWARF_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pando_dwarf_range {
    uint64_t start, end;   /* ELF addresses [start, end) */
    uint64_t what;         /* of units: their number; of functions: where the entry is */
};

struct pando_dwarf_ranges {
    struct pando_dwarf_range *items; /* sorted by start */
    size_t count, capacity;
};

struct pando_dwarf_unit {
    Dwarf_Off entry;
    bool knows_functions, knows_all_functions, has_lines;
    struct pando_dwarf_ranges functions;
};

struct pando_dwarf_units {
    Dwarf *dwarf;
    struct pando_dwarf_unit *items;
    size_t count, capacity;
    struct pando_dwarf_ranges ranges;
    size_t bytes, limit_bytes;
};

/* Reads the ranges of all units. Release in any case. 0, PANDO_ERR_LIMIT or PANDO_ERR_NO_MEMORY. */
int pando_dwarf_units_read(struct pando_dwarf_units *units, Dwarf *dwarf, size_t limit_bytes);
void pando_dwarf_units_release(struct pando_dwarf_units *units);

/* The unit that has code at `address`; NULL: none. */
struct pando_dwarf_unit *pando_dwarf_units_find(const struct pando_dwarf_units *units, uint64_t address);
/* The entry of the function at `address`. 0, PANDO_ERR_NOT_FOUND, PANDO_ERR_LIMIT or PANDO_ERR_NO_MEMORY. */
int pando_dwarf_units_function(struct pando_dwarf_units *units, struct pando_dwarf_unit *unit, uint64_t address,
                               Dwarf_Die *ret_entry);

#endif
