/* Why: symbols/symbols.h: joins mappings, files and names, reads each object when it is first asked for, and keeps the
 * tables within the limit.
 * Context: worker. docs/symbols.md has the decisions. */
#include "symbols/symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "symbols/elf_names.h"
#include "symbols/mappings.h"
#include "symbols/object_file.h"

enum {
    VDSO_MAX_BYTES = 1 << 20,
    READS_MAX = 64, /* of one object: after so many evictions it stays without names rather than be read for ever */
};

struct pando_symbols {
    struct pando_mappings mappings;
    size_t limit_bytes;
    size_t used_bytes;      /* of all tables */
    uint64_t use_number;
};

static void on_object_freed(struct pando_object *object)
{
    pando_elf_names_free(object->names);
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
    pando_mappings_release(&symbols->mappings);
    free(symbols);
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

/* Throws tables away, least recently used first, until all fit; never the one of `keep`. */
static void evict(struct pando_symbols *symbols, const struct pando_object *keep)
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

static int read_vdso(const struct pando_mapping *mapping, size_t limit_bytes, struct pando_elf_names **ret_names)
{
    uint64_t len = mapping->end - mapping->start;
    if (len > VDSO_MAX_BYTES || mapping->file_offset != 0)
        return PANDO_ERR_LIMIT;
    char *image = malloc(len);
    if (image == NULL)
        return PANDO_ERR_NO_MEMORY;
    int error = pando_own_memory_read(mapping->start, image, len);
    if (error == 0)
        error = pando_elf_names_read_memory(image, len, limit_bytes, ret_names);
    free(image);
    return error;
}

static int read_file(const struct pando_mapping *mapping, size_t limit_bytes, struct pando_elf_names **ret_names)
{
    int fd;
    int error = pando_object_file_open(mapping, &fd);
    if (error != 0)
        return error;
    error = pando_elf_names_read_file(fd, limit_bytes, ret_names);
    close(fd);
    return error;
}

/* The object's names, read when they are not there. NULL when there are none to be had. */
static struct pando_elf_names *names_of(struct pando_symbols *symbols, const struct pando_mapping *mapping)
{
    struct pando_object *object = mapping->object;
    object->last_use = ++symbols->use_number;
    if (object->names != NULL || object->unreadable || object->kind == PANDO_OBJECT_ANONYMOUS)
        return object->names;
    if (object->read_count == READS_MAX) {
        object->unreadable = true;
        return NULL;
    }
    object->read_count++;
    int error = object->kind == PANDO_OBJECT_VDSO ? read_vdso(mapping, symbols->limit_bytes, &object->names)
                                                  : read_file(mapping, symbols->limit_bytes, &object->names);
    if (error != 0) {
        object->names = NULL;
        object->unreadable = error != PANDO_ERR_NO_MEMORY; /* there may be some next time */
        return NULL;
    }
    symbols->used_bytes += pando_elf_names_bytes(object->names);
    evict(symbols, object);
    return object->names;
}

static void name_offset(struct pando_symbols *symbols, const struct pando_mapping *mapping, uint64_t offset,
                        struct pando_symbols_name *ret_name)
{
    ret_name->object = mapping->object->name;
    ret_name->object_offset = offset;
    struct pando_elf_names *names = names_of(symbols, mapping);
    if (names == NULL)
        return;
    size_t bytes = pando_elf_names_bytes(names);
    uint64_t start_offset;
    ret_name->function = pando_elf_names_find(names, ret_name->object_offset, &start_offset);
    if (ret_name->function == NULL)
        ret_name->object_offset = start_offset;
    symbols->used_bytes += pando_elf_names_bytes(names) - bytes;
    evict(symbols, mapping->object);
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
    name_offset(symbols, mapping, offset_of(mapping, address), ret_name);
    return 0;
}

/* An object may be gone before it is named, and then only a file that was verified is known to be the mapped one. */
static void verify_once(const struct pando_mapping *mapping)
{
    struct pando_object *object = mapping->object;
    if (object->tried_to_verify || object->kind != PANDO_OBJECT_FILE || mapping->gone_since != 0)
        return;
    object->tried_to_verify = true;
    int fd;
    if (!object->verified && pando_object_file_open(mapping, &fd) == 0)
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
    verify_once(mapping);
    return 0;
}

int pando_symbols_name(struct pando_symbols *symbols, const struct pando_symbols_place *place,
                       struct pando_symbols_name *ret_name)
{
    *ret_name = (struct pando_symbols_name){0};
    struct pando_object *object = pando_mappings_object(&symbols->mappings, place->object);
    if (object == NULL)
        return PANDO_ERR_NOT_FOUND;
    const struct pando_mapping gone = {.object = object, .gone_since = symbols->mappings.update_number};
    bool is_gone = object->mapping_count == 0;
    name_offset(symbols, is_gone ? &gone : &symbols->mappings.items[object->shown_at], place->offset, ret_name);
    return 0;
}

void pando_symbols_end_period(struct pando_symbols *symbols)
{
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
