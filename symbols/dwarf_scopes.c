/* Why: symbols/dwarf_scopes.h. Context: as there. */
#include "symbols/dwarf_scopes.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { ORIGINS_MAX = 4 };

static bool is_cpp(Dwarf_Die *unit)
{
    switch (dwarf_srclang(unit)) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case 0x2b: /* C++17 and 20: later than this library's list */
    case 0x2c:
        return true;
    default:
        return false;
    }
}

/* From an inlined or an outlined function to its declaration, which lies in its class or namespace. */
static Dwarf_Die declaration_of(Dwarf_Die entry)
{
    static const unsigned links[] = {DW_AT_abstract_origin, DW_AT_specification};
    for (int step = 0; step < ORIGINS_MAX; step++) {
        Dwarf_Attribute place;
        Dwarf_Die next;
        bool found = false;
        for (size_t i = 0; i < 2 && !found; i++)
            found = dwarf_attr(&entry, links[i], &place) != NULL && dwarf_formref_die(&place, &next) != NULL;
        if (!found)
            break;
        entry = next;
    }
    return entry;
}

static const char *name_of_scope(Dwarf_Die *scope)
{
    const char *name = dwarf_diename(scope);
    switch (dwarf_tag(scope)) {
    case DW_TAG_namespace:
        return name != NULL ? name : "(anonymous namespace)";
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
        return name != NULL ? name : "{unnamed}";
    case DW_TAG_subprogram:
        return name;
    default:
        return NULL;
    }
}

const char *const *pando_dwarf_scopes_find(struct pando_dwarf_scopes *scopes, Dwarf_Die *unit, Dwarf_Die *entry)
{
    if (!is_cpp(unit))
        return NULL;
    Dwarf_Die declaration = declaration_of(*entry), *found = NULL;
    struct pando_dwarf_scope_names *names = &scopes->kept[(uintptr_t)declaration.addr / 3 % PANDO_DWARF_SCOPES_KEPT];
    if (names->entry == declaration.addr)
        return names->names;
    *names = (struct pando_dwarf_scope_names){.entry = declaration.addr};
    int count = dwarf_getscopes_die(&declaration, &found), kept = 0;
    const char *list[PANDO_DWARF_SCOPES_MAX];
    for (int i = 1; i < count && kept < PANDO_DWARF_SCOPES_MAX; i++)
        if ((list[kept] = name_of_scope(&found[i])) != NULL)
            kept++;
    for (int i = 0; i < kept; i++)
        names->names[i] = list[kept - 1 - i];
    free(found);
    return names->names;
}
