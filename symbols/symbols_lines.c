/* Why: the part of symbols/symbols.h that finds lines and inlined functions, and tells what is known about objects.
 * Context: worker and own processes; one owner. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "symbols/debuginfod.h"
#include "symbols/demangle.h"
#include "symbols/symbols_private.h"

enum {
    READS_MAX = 64,        /* of one object's debug information */
    FOUND_PART = 4,
    FOUND_MAX_BYTES = 64 << 20,
    PATH_BYTES = 4096,
};

int pando_symbols_want_lines(struct pando_symbols *symbols, size_t limit_bytes, bool asks_servers)
{
    size_t found_bytes = limit_bytes / FOUND_PART < FOUND_MAX_BYTES ? limit_bytes / FOUND_PART : FOUND_MAX_BYTES;
    symbols->found = pando_name_cache_new(found_bytes);
    if (symbols->found == NULL)
        return PANDO_ERR_NO_MEMORY;
    if (asks_servers)
        symbols->access.fetcher = pando_debuginfod_new();
    symbols->lines_limit_bytes = limit_bytes;
    return 0;
}

void pando_symbols_rest(struct pando_symbols *symbols)
{
    if (symbols->access.fetcher == NULL)
        return;
    pando_debuginfod_free(symbols->access.fetcher);
    symbols->access.fetcher = pando_debuginfod_new(); /* NULL: then nothing is fetched any more */
}

struct pando_symbols_counts pando_symbols_counted(const struct pando_symbols *symbols)
{
    return symbols->counts;
}

void pando_symbols_close_lines(struct pando_object *object)
{
    pando_debug_lines_close(object->lines);
    object->lines = NULL;
}

void pando_symbols_close_all_lines(struct pando_symbols *symbols)
{
    for (size_t i = 0; i < symbols->mappings.object_count; i++)
        pando_symbols_close_lines(symbols->mappings.objects[i]);
}

/* Closes others until there is room for what `keep` may still need. */
static void keep_within_limit(struct pando_symbols *symbols, struct pando_object *keep)
{
    size_t bytes = 0;
    for (size_t i = 0; i < symbols->mappings.object_count; i++)
        if (symbols->mappings.objects[i]->lines != NULL)
            bytes += pando_debug_lines_bytes(symbols->mappings.objects[i]->lines);
    if (bytes <= symbols->lines_limit_bytes)
        return;
    for (size_t i = 0; i < symbols->mappings.object_count; i++)
        if (symbols->mappings.objects[i] != keep)
            pando_symbols_close_lines(symbols->mappings.objects[i]);
    if (pando_debug_lines_bytes(keep->lines) > symbols->lines_limit_bytes)
        pando_symbols_close_lines(keep); /* what grew by its units: the next address opens it again */
}

static int open_lines(struct pando_symbols *symbols, const struct pando_mapping *mapping, size_t open_limit_bytes)
{
    struct pando_object *object = mapping->object;
    if (open_limit_bytes <= object->lines_refused_bytes)
        return PANDO_ERR_TIMEOUT;
    if (object->debug == NULL || object->lines_read_count == READS_MAX) {
        object->has_no_lines = true;
        return PANDO_ERR_NOT_FOUND;
    }
    int error = pando_object_debug_lines(mapping, object->debug, &symbols->access, symbols->lines_limit_bytes,
                                         open_limit_bytes, &object->lines);
    if (error == PANDO_ERR_TIMEOUT) {
        object->lines_refused_bytes = open_limit_bytes;
        return error;
    }
    if (error == PANDO_ERR_BUSY || error == PANDO_ERR_NO_MEMORY)
        return error;
    object->lines_read_count++;
    object->has_no_lines = error != 0;
    symbols->counts.lines_opened += error == 0 ? 1 : 0;
    symbols->counts.objects_over_limit += error == PANDO_ERR_LIMIT ? 1 : 0;
    return error != 0 ? PANDO_ERR_NOT_FOUND : 0;
}

/* Where the last folder of the `len` bytes of a path begins, which end in "/"; `len`: there is none that ".." could take away. */
static size_t last_folder(const char *path, size_t len)
{
    if (len < 2)
        return len;
    size_t start = len - 1;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return len - start == 3 && memcmp(path + start, "../", 3) == 0 ? len : start;
}

/* ("/a/./b", "../c.c") -> "/a/c.c": compilers join folders and names as they come. */
static const char *clean_path(const char *folder, const char *path, char clean[PATH_BYTES])
{
    char whole[PATH_BYTES];
    size_t out = 0;
    if (path == NULL)
        return NULL;
    bool joins = folder != NULL && path[0] != '/';
    int len = snprintf(whole, sizeof whole, "%s%s%s", joins ? folder : "", joins ? "/" : "", path);
    if (len < 0 || len >= PATH_BYTES)
        return path;
    for (const char *part = whole; *part != '\0';) {
        size_t bytes = strcspn(part, "/"), step = part[bytes] == '/' ? bytes + 1 : bytes;
        bool is_here = (bytes == 1 && part[0] == '.') || (bytes == 0 && out != 0);
        bool is_up = bytes == 2 && part[0] == '.' && part[1] == '.' && last_folder(clean, out) != out;
        if (is_up)
            out = last_folder(clean, out);
        else if (!is_here)
            memcpy(clean + out, part, step);
        out += is_up || is_here ? 0 : step;
        part += step;
    }
    clean[out] = '\0';
    return clean;
}

static const char *whole_name(const struct pando_debug_frame *found, char name[PANDO_DEMANGLE_TEXT_BYTES])
{
    char text[PANDO_DEMANGLE_MANGLED_BYTES];
    size_t len = 0;
    for (size_t i = 0; found->scopes[i] != NULL && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s::", found->scopes[i]);
    if (len != 0 && len < sizeof text)
        snprintf(text + len, sizeof text - len, "%s", found->name);
    pando_demangle(len != 0 && len < sizeof text ? text : found->name, name, PANDO_DEMANGLE_TEXT_BYTES);
    return name;
}

static int keep(struct pando_symbols *symbols, const struct pando_symbols_place *place, const char *function,
                const struct pando_debug_frame *found, uint32_t count)
{
    struct pando_symbols_frame frames[PANDO_DEBUG_FRAMES_MAX];
    char name[PANDO_DEMANGLE_TEXT_BYTES], path[PATH_BYTES];
    int error = 0;
    for (uint32_t i = 0; i < count; i++) {
        /* As the symbol table has it: the same with and without lines. (gcc may split a function and inline its own parts: __libc_recv
         * in __libc_recv, which is recv to everybody.) */
        bool is_own = i + 1 == count || (found[i].name != NULL && found[count - 1].name != NULL &&
                                         strcmp(found[i].name, found[count - 1].name) == 0);
        const char *shown = is_own ? function : NULL;
        if (shown == NULL && found[i].name != NULL)
            shown = whole_name(&found[i], name);
        frames[i] = (struct pando_symbols_frame){
            .function = pando_name_cache_text(symbols->found, shown, &error),
            .file = pando_name_cache_text(symbols->found, clean_path(found[i].folder, found[i].file, path), &error),
            .home_file = pando_name_cache_text(symbols->found, clean_path(found[i].folder, found[i].home_file, path), &error),
            .line = found[i].line, .home_line = found[i].home_line};
    }
    return error != 0 ? error : pando_name_cache_put(symbols->found, place, frames, count);
}

static int find(struct pando_symbols *symbols, const struct pando_mapping *mapping, const struct pando_symbols_place *place,
                size_t open_limit_bytes)
{
    struct pando_object *object = mapping->object;
    struct pando_debug_frame frames[PANDO_DEBUG_FRAMES_MAX];
    uint32_t count = 0;
    uint64_t address, start;
    struct pando_elf_names *names = pando_symbols_names_of(symbols, mapping);
    int error = names == NULL || object->has_no_lines || !pando_elf_names_address(names, place->offset, &address)
                    ? PANDO_ERR_NOT_FOUND : 0;
    if (error == 0 && object->lines == NULL)
        error = open_lines(symbols, mapping, open_limit_bytes);
    if (error == 0)
        error = pando_debug_lines_find(object->lines, address, frames, &count);
    if (error == PANDO_ERR_NO_MEMORY && object->lines != NULL)
        pando_symbols_close_lines(object);
    if (error == PANDO_ERR_NOT_FOUND) {
        count = 0; /* that there is nothing is known, too */
        error = 0;
    }
    if (error != 0)
        return error;
    size_t bytes = names != NULL ? pando_elf_names_bytes(names) : 0;
    error = keep(symbols, place, count != 0 ? pando_elf_names_find(names, place->offset, &start) : NULL, frames, count);
    if (names != NULL)
        symbols->used_bytes += pando_elf_names_bytes(names) - bytes;
    return error;
}

int pando_symbols_find_lines(struct pando_symbols *symbols, const struct pando_symbols_place *place, size_t open_limit_bytes)
{
    const struct pando_symbols_frame *frames;
    uint32_t count;
    struct pando_object *object = pando_mappings_object(&symbols->mappings, place->object);
    if (symbols->lines_limit_bytes == 0 || object == NULL || object->kind != PANDO_OBJECT_FILE)
        return PANDO_ERR_NOT_FOUND;
    if (pando_name_cache_find(symbols->found, place, &frames, &count))
        return 0;
    const struct pando_mapping mapping = pando_symbols_mapping_of(symbols, object);
    int error = find(symbols, &mapping, place, open_limit_bytes);
    if (object->lines != NULL)
        keep_within_limit(symbols, object);
    pando_symbols_evict(symbols, object);
    symbols->counts.places_over_limit += error == PANDO_ERR_LIMIT ? 1 : 0;
    symbols->found_is_full = symbols->found_is_full || error == PANDO_ERR_LIMIT;
    return error;
}

void pando_symbols_shown_line(const struct pando_symbols_frame *frame, const char **ret_file, uint32_t *ret_line)
{
    bool is_at_home = frame->home_file == NULL || (frame->file != NULL && strcmp(frame->file, frame->home_file) == 0);
    *ret_file = is_at_home ? frame->file : frame->home_file;
    *ret_line = is_at_home ? frame->line : frame->home_line;
}
