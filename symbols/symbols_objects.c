/* Why: the part of symbols/symbols.h that tells about objects: where names and lines come from, and why some are missing.
 * Context: worker and own processes; one owner. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "symbols/symbols_private.h"

static const char *names_from(const struct pando_object *object, const struct pando_object_debug *debug)
{
    if (object->kind != PANDO_OBJECT_FILE)
        return object->kind == PANDO_OBJECT_VDSO ? "memory" : "nothing";
    if (object->names == NULL || debug == NULL || pando_elf_names_count(object->names) == 0)
        return "nothing";
    if (debug->has_symtab)
        return ".symtab";
    if (debug->is_from_memory && debug->origin == PANDO_DEBUG_NONE)
        return "memory";
    if (debug->origin != PANDO_DEBUG_NONE && debug->origin != PANDO_DEBUG_ITSELF)
        return "debug file";
    return debug->has_mini_debug ? ".gnu_debugdata" : ".dynsym";
}

static const char *lines_from(const struct pando_object *object, const struct pando_object_debug *debug)
{
    static const char *const by_origin[] = {
        [PANDO_DEBUG_NONE] = NULL, [PANDO_DEBUG_ITSELF] = "itself", [PANDO_DEBUG_BUILD_ID] = "build-id",
        [PANDO_DEBUG_LINK] = "debug link", [PANDO_DEBUG_DEBUGINFOD] = "debuginfod"};
    return debug == NULL || object->has_no_lines ? NULL : by_origin[debug->origin];
}

static const char *unreadable(const struct pando_object *object, const struct pando_object_debug *debug)
{
    if (object->deleted)
        return "The file was deleted or replaced while it is mapped, and the kernel lets only CAP_CHECKPOINT_RESTORE read it: restart "
               "the program.";
    switch (debug->names_error) {
    case PANDO_ERR_NOT_FOUND:
        return "What is at its path now is not the file that is mapped: it was replaced, or is in another mount namespace.";
    case PANDO_ERR_IO:
        return "The file cannot be opened: look at its rights.";
    case PANDO_ERR_LIMIT:
        return "It has more symbols than Pando keeps.";
    default:
        return "It is no whole ELF object of this machine.";
    }
}

static const char *missing(const struct pando_object *object, const struct pando_object_debug *debug, bool wants_lines)
{
    if (object->kind == PANDO_OBJECT_ANONYMOUS)
        return "Code made at run time: have the runtime write a perf map (node --perf-basic-prof, python -X perf).";
    if (object->kind == PANDO_OBJECT_VDSO || debug == NULL || !debug->is_known)
        return NULL;
    if (object->names == NULL)
        return unreadable(object, debug);
    if (debug->is_from_memory && debug->origin == PANDO_DEBUG_NONE)
        return "Its file is out of reach (deleted, replaced, or in another mount namespace): only the names that it shows to others are "
               "known. Restart the program.";
    if (debug->waits)
        return "Its debug file is being fetched by debuginfod.";
    if (wants_lines && debug->lines_error == PANDO_ERR_LIMIT)
        return "Its debug information is larger than PANDO_LINES_MIB.";
    if (wants_lines && debug->lines_error == PANDO_ERR_UNSUPPORTED)
        return "Its debug information is compressed in a form that Pando does not know.";
    if (debug->origin != PANDO_DEBUG_NONE)
        return NULL;
    if (debug->has_symtab)
        return "No lines: it was built without -g, and there is no debug file for it.";
    return "It is stripped: install its debug symbols (Debian: the package's -dbgsym or -dbg), or set DEBUGINFOD_URLS.";
}

static void describe(const struct pando_symbols *symbols, const struct pando_object *object, struct pando_symbols_object *ret)
{
    const struct pando_object_debug *debug = object->debug;
    *ret = (struct pando_symbols_object){
        .name = object->name, .path = object->path, .names_from = names_from(object, debug),
        .lines_from = lines_from(object, debug), .debug_path = debug != NULL ? debug->path : NULL,
        .missing = missing(object, debug, symbols->lines_limit_bytes != 0), .has_unwind = debug != NULL && debug->has_unwind,
        .is_deleted = object->deleted};
    for (unsigned i = 0; debug != NULL && i < debug->id.len; i++)
        snprintf(ret->build_id + 2 * i, 3, "%02x", debug->id.bytes[i]);
}

bool pando_symbols_object_of(struct pando_symbols *symbols, uint32_t number, struct pando_symbols_object *ret_object)
{
    const struct pando_object *object = pando_mappings_object(&symbols->mappings, number);
    if (object != NULL)
        describe(symbols, object, ret_object);
    return object != NULL;
}

void pando_symbols_visit_objects(struct pando_symbols *symbols, void (*visit)(void *context, const struct pando_symbols_object *),
                                 void *context)
{
    for (size_t i = 0; i < symbols->mappings.object_count; i++) {
        struct pando_object *object = symbols->mappings.objects[i];
        const struct pando_mapping mapping = pando_symbols_mapping_of(symbols, object);
        struct pando_symbols_object described;
        pando_symbols_names_of(symbols, &mapping);
        if (symbols->lines_limit_bytes != 0)
            pando_symbols_find_lines(
                symbols, &(struct pando_symbols_place){.object = object->number, .offset = mapping.file_offset}, SIZE_MAX);
        describe(symbols, object, &described);
        visit(context, &described);
        pando_symbols_close_lines(object);
    }
}
