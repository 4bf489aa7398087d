/* Why: some C++ functions have no mangled name (lambdas, functions of unnamed namespaces, whatever takes a lambda as a parameter), and
 * "operator()" alone says little: the namespaces and classes around a function are found from where it is declared.
 * Context: worker and own processes; one owner. Private to symbols/. Finding them walks a unit: what was found is kept. */
#ifndef PANDO_SYMBOLS_DWARF_SCOPES_H
#define PANDO_SYMBOLS_DWARF_SCOPES_H

#include <elfutils/libdw.h>

enum { PANDO_DWARF_SCOPES_MAX = 6, PANDO_DWARF_SCOPES_KEPT = 512 };

struct pando_dwarf_scope_names {
    const void *entry;
    const char *names[PANDO_DWARF_SCOPES_MAX + 1]; /* outermost first, then NULL; of more, the innermost */
};

/* All zero: empty. */
struct pando_dwarf_scopes {
    struct pando_dwarf_scope_names kept[PANDO_DWARF_SCOPES_KEPT];
};

/* What is around the function of `entry`, which is a C++ one; NULL: the unit is of another language. Strings live as long as the
 * Dwarf; the list until the next call. */
const char *const *pando_dwarf_scopes_find(struct pando_dwarf_scopes *scopes, Dwarf_Die *unit, Dwarf_Die *entry);

#endif
