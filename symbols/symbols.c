/* Why: symbols/symbols.h: joins mappings, files and names, reads each object when it is first asked for, and keeps the
 * tables within the limit.
 * Context: worker. docs/symbols.md has the decisions. */
#include "symbols/symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "symbols/debuginfod.h"
#include "symbols/elf_names.h"
#include "symbols/object_debug.h"
#include "symbols/symbols_private.h"

enum {
    VDSO_MAX_BYTES = 1 << 20,
    PERF_MAP_MAX_BYTES = 32 << 20,
    PERF_MAP_PAUSE_NS = 200000000,
    READS_MAX = 64, /* of one object: after so many evictions it stays without names rather than be read for ever */
};

static void on_object_freed(struct pando_object *object)
{
    pando_elf_names_free(object->names);
    pando_symbols_close_lines(object);
    if (object->debug != NULL)
        pando_object_debug_release(object->debug);
    free(object->debug);
}

struct pando_symbols *pando_symbols_new(size_t limit_bytes)
{
    struct pando_symbols *symbols = calloc(1, sizeof *symbols);
    if (symbols == NULL)
        return NULL;
    symbols->limit_bytes = limit_bytes;
    symbols->mappings.on_object_freed = on_object_freed;
    return symbols;
}

void pando_symbols_free(struct pando_symbols *symbols)
{
    if (symbols == NULL)
        return;
    pando_debuginfod_free(symbols->access.fetcher);
    pando_mappings_release(&symbols->mappings);
    pando_name_cache_free(symbols->found);
    pando_perf_map_free(symbols->perf_map);
    free(symbols);
}

void pando_symbols_set_process(struct pando_symbols *symbols, int pid)
{
    symbols->access.process.pid = pid;
    snprintf(symbols->access.process.root, sizeof symbols->access.process.root, "/proc/%d/root", pid);
}

static void count_bytes(struct pando_symbols *symbols)
{
    symbols->used_bytes = 0;
    for (size_t i = 0; i < symbols->mappings.object_count; i++) {
        if (symbols->mappings.objects[i]->names != NULL)
            symbols->used_bytes += pando_elf_names_bytes(symbols->mappings.objects[i]->names);
    }
}

int pando_symbols_update_maps(struct pando_symbols *symbols, const char *maps, size_t len_bytes)
{
    int error = pando_mappings_update(&symbols->mappings, maps, len_bytes);
    count_bytes(symbols);
    return error;
}

/* Least recently used first. */
void pando_symbols_evict(struct pando_symbols *symbols, const struct pando_object *keep)
{
    while (symbols->used_bytes > symbols->limit_bytes) {
        struct pando_object *oldest = NULL;
        for (size_t i = 0; i < symbols->mappings.object_count; i++) {
            struct pando_object *object = symbols->mappings.objects[i];
            if (object->names != NULL && object != keep && (oldest == NULL || object->last_use < oldest->last_use))
                oldest = object;
        }
        if (oldest == NULL)
            return;
        symbols->used_bytes -= pando_elf_names_bytes(oldest->names);
        pando_elf_names_free(oldest->names);
        oldest->names = NULL;
    }
}

static int read_vdso(const struct pando_symbols *symbols, const struct pando_mapping *mapping, struct pando_elf_names **ret_names)
{
    uint64_t len = mapping->end - mapping->start;
    if (len > VDSO_MAX_BYTES || mapping->file_offset != 0)
        return PANDO_ERR_LIMIT;
    char *image = malloc(len);
    if (image == NULL)
        return PANDO_ERR_NO_MEMORY;
    int error = pando_object_memory_read(&symbols->access.process, mapping->start, image, len);
    if (error == 0)
        error = pando_elf_names_read_memory(image, len, symbols->limit_bytes, ret_names);
    free(image);
    return error;
}

static int read_file(struct pando_symbols *symbols, const struct pando_mapping *mapping, struct pando_elf_names **ret_names)
{
    struct pando_object *object = mapping->object;
    if (object->debug == NULL)
        object->debug = calloc(1, sizeof *object->debug);
    if (object->debug == NULL)
        return PANDO_ERR_NO_MEMORY;
    return pando_object_debug_names(mapping, object->debug, &symbols->access, symbols->limit_bytes, ret_names);
}

/* A debug file was on its way when the names were read, and now it is here: they are read again. */
static void forget_if_fetched(struct pando_symbols *symbols, struct pando_object *object)
{
    if (object->names == NULL || object->debug == NULL || !object->debug->waits)
        return;
    int fd = -1;
    char *path = NULL;
    int error = pando_debuginfod_get(symbols->access.fetcher, &object->debug->id, &fd, &path);
    if (error == PANDO_ERR_BUSY)
        return;
    object->debug->waits = false;
    if (error != 0)
        return;
    close(fd);
    free(path);
    symbols->used_bytes -= pando_elf_names_bytes(object->names);
    pando_elf_names_free(object->names);
    object->names = NULL;
}

struct pando_elf_names *pando_symbols_names_of(struct pando_symbols *symbols, const struct pando_mapping *mapping)
{
    struct pando_object *object = mapping->object;
    object->last_use = ++symbols->use_number;
    if (symbols->access.fetcher != NULL)
        forget_if_fetched(symbols, object);
    if (object->names != NULL || object->unreadable || object->kind == PANDO_OBJECT_ANONYMOUS)
        return object->names;
    if (object->read_count == READS_MAX) {
        object->unreadable = true;
        return NULL;
    }
    object->read_count++;
    int error = object->kind == PANDO_OBJECT_VDSO ? read_vdso(symbols, mapping, &object->names)
                                                  : read_file(symbols, mapping, &object->names);
    if (error != 0) {
        object->names = NULL;
        object->unreadable = error != PANDO_ERR_NO_MEMORY; /* there may be some next time */
        return NULL;
    }
    symbols->used_bytes += pando_elf_names_bytes(object->names);
    pando_symbols_evict(symbols, object);
    return object->names;
}

void pando_symbols_name_made_code(struct pando_symbols *symbols, uint64_t address, struct pando_symbols_name *ret_name)
{
    uint64_t now = pando_clock_mono_ns();
    if (symbols->perf_map == NULL)
        symbols->perf_map = pando_perf_map_new(PERF_MAP_MAX_BYTES);
    if (symbols->perf_map == NULL)
        return;
    if (symbols->perf_map_mono_ns == 0 || now - symbols->perf_map_mono_ns > PERF_MAP_PAUSE_NS) {
        pando_perf_map_update(symbols->perf_map, &symbols->access.process);
        symbols->perf_map_mono_ns = pando_clock_mono_ns();
    }
    const char *text = pando_perf_map_find(symbols->perf_map, address);
    if (text == NULL)
        return;
    pando_perf_name_parse(text, &symbols->perf_name);
    symbols->perf_frame = (struct pando_symbols_frame){
        .function = symbols->perf_name.function, .line = symbols->perf_name.line,
        .file = symbols->perf_name.file[0] != '\0' ? symbols->perf_name.file : NULL};
    ret_name->object = PANDO_SYMBOLS_MADE_CODE;
    ret_name->function = symbols->perf_frame.function;
    ret_name->frames = &symbols->perf_frame;
    ret_name->frame_count = 1;
}

static void name_offset(struct pando_symbols *symbols, const struct pando_mapping *mapping, uint64_t offset,
                        struct pando_symbols_name *ret_name)
{
    ret_name->object = mapping->object->name;
    ret_name->object_offset = offset;
    if (mapping->object->kind == PANDO_OBJECT_ANONYMOUS) {
        pando_symbols_name_made_code(symbols, offset, ret_name);
        return;
    }
    struct pando_elf_names *names = pando_symbols_names_of(symbols, mapping);
    if (names == NULL)
        return;
    size_t bytes = pando_elf_names_bytes(names);
    uint64_t start_offset;
    ret_name->function = pando_elf_names_find(names, ret_name->object_offset, &start_offset);
    if (ret_name->function == NULL)
        ret_name->object_offset = start_offset;
    symbols->used_bytes += pando_elf_names_bytes(names) - bytes;
    pando_symbols_evict(symbols, mapping->object);
}

static uint64_t offset_of(const struct pando_mapping *mapping, uint64_t address)
{
    return address - mapping->start + mapping->file_offset;
}

int pando_symbols_find(struct pando_symbols *symbols, uint64_t address, struct pando_symbols_name *ret_name)
{
    *ret_name = (struct pando_symbols_name){0};
    const struct pando_mapping *mapping = pando_mappings_find(&symbols->mappings, address);
    if (mapping == NULL)
        return PANDO_ERR_NOT_FOUND;
    bool is_made = mapping->object->kind == PANDO_OBJECT_ANONYMOUS;
    name_offset(symbols, mapping, is_made ? address : offset_of(mapping, address), ret_name);
    return 0;
}

/* An object may be gone before it is named, and then only a file that was verified is known to be the mapped one. */
static void verify_once(const struct pando_symbols *symbols, const struct pando_mapping *mapping)
{
    struct pando_object *object = mapping->object;
    if (object->tried_to_verify || object->kind != PANDO_OBJECT_FILE || mapping->gone_since != 0)
        return;
    object->tried_to_verify = true;
    int fd;
    if (!object->verified && pando_object_file_open(&symbols->access.process, mapping, &fd) == 0)
        close(fd);
}

int pando_symbols_locate(struct pando_symbols *symbols, uint64_t address, struct pando_symbols_place *ret_place)
{
    *ret_place = (struct pando_symbols_place){.offset = address};
    const struct pando_mapping *mapping = pando_mappings_locate(&symbols->mappings, address);
    if (mapping == NULL)
        return PANDO_ERR_NOT_FOUND;
    ret_place->object = mapping->object->number;
    if (mapping->object->kind != PANDO_OBJECT_ANONYMOUS)
        ret_place->offset = offset_of(mapping, address);
    verify_once(symbols, mapping);
    return 0;
}

struct pando_mapping pando_symbols_mapping_of(const struct pando_symbols *symbols, struct pando_object *object)
{
    if (object->mapping_count == 0)
        return (struct pando_mapping){.object = object, .gone_since = symbols->mappings.update_number};
    return symbols->mappings.items[object->shown_at];
}

int pando_symbols_name(struct pando_symbols *symbols, const struct pando_symbols_place *place,
                       struct pando_symbols_name *ret_name)
{
    *ret_name = (struct pando_symbols_name){0};
    struct pando_object *object = pando_mappings_object(&symbols->mappings, place->object);
    if (object == NULL)
        return PANDO_ERR_NOT_FOUND;
    if (symbols->found != NULL)
        pando_name_cache_find(symbols->found, place, &ret_name->frames, &ret_name->frame_count);
    ret_name->object = object->name;
    ret_name->object_offset = place->offset;
    if (ret_name->frame_count != 0)
        ret_name->function = ret_name->frames[ret_name->frame_count - 1].function;
    if (ret_name->function == NULL) {
        const struct pando_mapping mapping = pando_symbols_mapping_of(symbols, object);
        name_offset(symbols, &mapping, place->offset, ret_name);
    }
    return 0;
}

void pando_symbols_end_period(struct pando_symbols *symbols)
{
    pando_symbols_close_all_lines(symbols);
    if (symbols->found_is_full)
        pando_name_cache_empty(symbols->found);
    symbols->found_is_full = false;
    pando_mappings_end_period(&symbols->mappings);
    count_bytes(symbols);
}

size_t pando_symbols_render(const struct pando_symbols_name *name, uint64_t address, char *text, size_t text_bytes)
{
    int len;
    if (name->function != NULL)
        len = snprintf(text, text_bytes, "%s", name->function);
    else if (name->object != NULL && name->object[0] == '[' && strcmp(name->object, "[vdso]") != 0)
        len = snprintf(text, text_bytes, "%s", name->object); /* no file: an offset would mean nothing */
    else if (name->object != NULL)
        len = snprintf(text, text_bytes, "[%s+0x%" PRIx64 "]", name->object, name->object_offset);
    else
        len = snprintf(text, text_bytes, "[unknown+0x%" PRIx64 "]", address);
    if (len < 0)
        return 0;
    return (size_t)len < text_bytes ? (size_t)len : text_bytes - 1;
}
