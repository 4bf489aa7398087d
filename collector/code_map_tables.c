/* Why: collector/code_map_tables.h. Context: worker. */
#include "collector/code_map_tables.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "collector/unwind_image.h"

enum { PAGE_BYTES = 4096 };

static uint64_t page_down(uint64_t address)
{
    return address & ~(uint64_t)(PAGE_BYTES - 1);
}

/* Fills in what the program headers tell. One that cannot be read is no ELF object. */
static void read_headers(struct pando_code_object *object)
{
    struct pando_image_headers headers;
    if (pando_image_read_headers(object->header, &headers) != 0)
        return;
    object->bias = object->header - headers.first_vaddr;
    for (uint32_t i = 0; i < headers.load_count && object->segment_count < PANDO_CODE_SEGMENTS_MAX; i++) {
        const struct pando_image_segment *load = &headers.loads[i];
        if ((load->flags & PF_X) == 0)
            continue;
        object->segments[object->segment_count++] = (struct pando_code_segment){
            .start = page_down(load->vaddr) + object->bias,
            .end = page_down(load->vaddr + load->memory_bytes + PAGE_BYTES - 1) + object->bias,
            .file_offset = page_down(load->file_offset),
        };
    }
    object->is_elf = object->segment_count > 0;
}

static struct pando_code_object *make_object(const struct pando_code_mapping *mapping)
{
    struct pando_code_object *object = calloc(1, sizeof *object);
    char *path = malloc(mapping->file.path_len + 1);
    if (object == NULL || path == NULL) {
        free(object);
        free(path);
        return NULL;
    }
    memcpy(path, mapping->file.path, mapping->file.path_len);
    object->file = mapping->file;
    object->file.path = path;
    object->header = mapping->header;
    read_headers(object);
    object->is_answered = !object->is_elf;
    return object;
}

void pando_code_object_free(struct pando_code_object *object)
{
    free(object->rows);
    free((void *)(uintptr_t)object->file.path);
    free(object);
}

/* The first object with a header at or above `header`. */
static uint32_t position_of(const struct pando_code_objects *objects, uint64_t header)
{
    uint32_t low = 0, high = objects->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (objects->items[middle]->header < header)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int pando_code_objects_get(struct pando_code_objects *objects, const struct pando_code_mapping *mapping,
                           struct pando_code_object **ret_object)
{
    uint32_t at = position_of(objects, mapping->header);
    /* Where one was unloaded and another one loaded, both have the same header until the first is taken out. */
    for (uint32_t i = at; i < objects->count && objects->items[i]->header == mapping->header; i++) {
        if (!objects->items[i]->is_changed && pando_code_file_same(&objects->items[i]->file, &mapping->file)) {
            *ret_object = objects->items[i];
            return 0;
        }
    }
    if (objects->count == PANDO_CODE_OBJECTS_MAX)
        return PANDO_ERR_LIMIT;
    if (objects->count == objects->capacity) {
        uint32_t capacity = objects->capacity * 2 + 32;
        struct pando_code_object **items = realloc(objects->items, capacity * sizeof *items);
        if (items == NULL)
            return PANDO_ERR_NO_MEMORY;
        objects->items = items;
        objects->capacity = capacity;
    }
    struct pando_code_object *object = make_object(mapping);
    if (object == NULL)
        return PANDO_ERR_NO_MEMORY;
    memmove(objects->items + at + 1, objects->items + at, (objects->count - at) * sizeof objects->items[0]);
    objects->items[at] = object;
    objects->count++;
    *ret_object = object;
    return 0;
}

bool pando_code_object_has(const struct pando_code_object *object, const struct pando_code_mapping *mapping)
{
    for (uint32_t i = 0; i < object->segment_count; i++) {
        const struct pando_code_segment *segment = &object->segments[i];
        if (mapping->start >= segment->start && mapping->end <= segment->end &&
            (mapping->file.inode == 0 || mapping->start - segment->start == mapping->file_offset - segment->file_offset))
            return true;
    }
    return false;
}

struct pando_code_object *pando_code_objects_take_unmapped(struct pando_code_objects *objects)
{
    struct pando_code_object *taken = NULL;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < objects->count; i++) {
        struct pando_code_object *object = objects->items[i];
        if (object->is_mapped) {
            objects->items[kept++] = object;
            continue;
        }
        object->next = taken;
        taken = object;
    }
    objects->count = kept;
    return taken;
}

bool pando_code_object_is_current(const struct pando_code_object *object)
{
    if (object->is_elf && object->is_answered)
        return pando_image_fingerprint(object->header, object->bias) == object->fingerprint;
    struct pando_code_object now = {.header = object->header};
    read_headers(&now);
    return now.is_elf == object->is_elf && now.bias == object->bias && now.segment_count == object->segment_count &&
           memcmp(now.segments, object->segments, now.segment_count * sizeof now.segments[0]) == 0;
}
