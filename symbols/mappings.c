/* Why: symbols/mappings.h. Context: worker. */
#include "symbols/mappings.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"

static const char DELETED[] = " (deleted)";

struct line {
    uint64_t start, end, file_offset, dev_major, dev_minor, inode;
    bool executable;
    char path[PANDO_MAPPINGS_PATH_BYTES];
};

static void object_free(struct pando_mappings *mappings, struct pando_object *object)
{
    if (mappings->on_object_freed != NULL)
        mappings->on_object_freed(object);
    free(object->path);
    free(object);
}

static uint64_t period_now(const struct pando_mappings *mappings)
{
    return mappings->periods_ended + 1;
}

/* Frees the objects that no mapping shows and no address was located in of late. The others keep their order. */
static void sweep_objects(struct pando_mappings *mappings)
{
    size_t kept = 0;
    for (size_t i = 0; i < mappings->object_count; i++) {
        struct pando_object *object = mappings->objects[i];
        bool located = object->located_in != 0 && object->located_in + 1 >= period_now(mappings);
        if (object->mapping_count == 0 && !located)
            object_free(mappings, object);
        else
            mappings->objects[kept++] = object;
    }
    mappings->object_count = kept;
}

void pando_mappings_release(struct pando_mappings *mappings)
{
    for (size_t i = 0; i < mappings->object_count; i++)
        object_free(mappings, mappings->objects[i]);
    free(mappings->objects);
    free(mappings->items);
    *mappings = (struct pando_mappings){.on_object_freed = mappings->on_object_freed};
}

/* The kernel writes a newline in a path as \012, everything else as it is. */
static void copy_path(struct line *line, const char *path, size_t len)
{
    size_t out = 0;
    for (size_t in = 0; in < len && out < sizeof line->path - 1; in++) {
        if (path[in] == '\\' && len - in >= 4 && memcmp(path + in, "\\012", 4) == 0) {
            line->path[out++] = '\n';
            in += 3;
        } else {
            line->path[out++] = path[in];
        }
    }
    line->path[out] = '\0';
}

/* "55d0c0a00000-55d0c0a28000 r-xp 00002000 08:01 1234    /usr/bin/x" */
static int parse_line(struct pando_cursor cursor, struct line *line)
{
    const char *modes, *path;
    size_t modes_len, path_len;
    if (pando_cursor_hex(&cursor, UINT64_MAX, &line->start) != 0 || pando_cursor_skip_char(&cursor, '-') != 0 ||
        pando_cursor_hex(&cursor, UINT64_MAX, &line->end) != 0 || pando_cursor_skip_char(&cursor, ' ') != 0 ||
        pando_cursor_until(&cursor, ' ', 8, &modes, &modes_len) != 0 || modes_len < 4 ||
        pando_cursor_hex(&cursor, UINT64_MAX, &line->file_offset) != 0 || pando_cursor_skip_char(&cursor, ' ') != 0 ||
        pando_cursor_hex(&cursor, UINT32_MAX, &line->dev_major) != 0 || pando_cursor_skip_char(&cursor, ':') != 0 ||
        pando_cursor_hex(&cursor, UINT32_MAX, &line->dev_minor) != 0 || pando_cursor_skip_char(&cursor, ' ') != 0 ||
        pando_cursor_decimal(&cursor, UINT64_MAX, &line->inode) != 0 || line->end <= line->start)
        return PANDO_ERR_SYNTAX;
    line->executable = modes[2] == 'x';
    pando_cursor_skip_blanks(&cursor);
    path = cursor.at;
    path_len = (size_t)(cursor.end - cursor.at);
    copy_path(line, path, path_len);
    return 0;
}

static enum pando_object_kind kind_of(const struct line *line)
{
    if (strcmp(line->path, "[vdso]") == 0)
        return PANDO_OBJECT_VDSO;
    return line->path[0] == '/' ? PANDO_OBJECT_FILE : PANDO_OBJECT_ANONYMOUS;
}

static bool cut_deleted(char *path)
{
    size_t len = strlen(path);
    if (len <= sizeof DELETED - 1 || strcmp(path + len - (sizeof DELETED - 1), DELETED) != 0)
        return false;
    path[len - (sizeof DELETED - 1)] = '\0';
    return true;
}

static bool same_object(const struct pando_object *object, const struct line *line)
{
    return object->inode == line->inode && object->dev_minor == line->dev_minor &&
           object->dev_major == line->dev_major && strcmp(object->path, line->path) == 0;
}

static int make_object(struct pando_mappings *mappings, const struct line *line, bool deleted,
                       struct pando_object **ret_object)
{
    if (mappings->object_count == PANDO_MAPPINGS_OBJECTS_MAX || mappings->numbers_given >= UINT32_MAX - 1)
        return PANDO_ERR_LIMIT;
    if (mappings->object_count == mappings->object_capacity) {
        size_t capacity = mappings->object_capacity * 2 + 32;
        struct pando_object **objects = realloc(mappings->objects, capacity * sizeof *objects);
        if (objects == NULL)
            return PANDO_ERR_NO_MEMORY;
        mappings->objects = objects;
        mappings->object_capacity = capacity;
    }
    struct pando_object *object = calloc(1, sizeof *object);
    char *path = strdup(line->path[0] != '\0' ? line->path : "[anon]");
    if (object == NULL || path == NULL) {
        free(object);
        free(path);
        return PANDO_ERR_NO_MEMORY;
    }
    const char *slash = strrchr(path, '/');
    *object = (struct pando_object){
        .number = ++mappings->numbers_given,
        .kind = kind_of(line), .path = path, .name = slash != NULL && slash[1] != '\0' ? slash + 1 : path,
        .deleted = deleted, .dev_major = (uint32_t)line->dev_major, .dev_minor = (uint32_t)line->dev_minor,
        .inode = line->inode,
    };
    mappings->objects[mappings->object_count++] = object;
    *ret_object = object;
    return 0;
}

/* The object that `line` shows. One that was deleted since is still the same one. */
static int object_of(struct pando_mappings *mappings, struct line *line, struct pando_object *hint,
                     struct pando_object **ret_object)
{
    bool deleted = cut_deleted(line->path);
    if (line->path[0] == '\0')
        strcpy(line->path, "[anon]");
    if (hint != NULL && same_object(hint, line)) {
        *ret_object = hint;
    } else {
        size_t i = 0;
        while (i < mappings->object_count && !same_object(mappings->objects[i], line))
            i++;
        if (i == mappings->object_count)
            return make_object(mappings, line, deleted, ret_object);
        *ret_object = mappings->objects[i];
    }
    (*ret_object)->deleted = deleted;
    return 0;
}

struct list {
    struct pando_mapping *items;
    size_t count, capacity;
};

static int list_add(struct list *list, struct pando_mapping mapping)
{
    if (list->count == PANDO_MAPPINGS_MAX + PANDO_MAPPINGS_GONE_MAX)
        return PANDO_ERR_LIMIT;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 64;
        struct pando_mapping *items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL)
            return PANDO_ERR_NO_MEMORY;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = mapping;
    return 0;
}

/* Fills `fresh` with the executable mappings of the text. PANDO_ERR_LIMIT: with as many as allowed. */
static int parse_maps(struct pando_mappings *mappings, const char *maps, size_t len_bytes, struct list *fresh)
{
    struct line *line = malloc(sizeof *line);
    if (line == NULL)
        return PANDO_ERR_NO_MEMORY;
    struct pando_cursor cursor = pando_cursor_of(maps, len_bytes);
    struct pando_object *hint = NULL;
    uint64_t last_end = 0;
    int error = 0, limit = 0;
    while (error == 0 && !pando_cursor_at_end(&cursor)) {
        const char *start;
        size_t len;
        pando_cursor_until(&cursor, '\n', SIZE_MAX, &start, &len);
        error = parse_line(pando_cursor_of(start, len), line);
        if (error == 0 && line->start < last_end)
            error = PANDO_ERR_SYNTAX;
        if (error != 0)
            break;
        last_end = line->end;
        if (!line->executable)
            continue;
        struct pando_object *object = NULL;
        error = fresh->count < PANDO_MAPPINGS_MAX ? object_of(mappings, line, hint, &object) : PANDO_ERR_LIMIT;
        if (error == 0) {
            hint = object;
            error = list_add(fresh, (struct pando_mapping){.start = line->start, .end = line->end,
                                                           .file_offset = line->file_offset, .object = object});
        }
        if (error == PANDO_ERR_LIMIT) {
            limit = error;
            error = 0;
        }
    }
    free(line);
    return error != 0 ? error : limit;
}

/* Adds the parts of `old` that no mapping of `fresh` from *at on covers. */
static int add_uncovered(struct list *merged, struct pando_mapping old, const struct list *fresh, size_t at)
{
    while (old.start < old.end) {
        while (at < fresh->count && fresh->items[at].end <= old.start)
            at++;
        uint64_t stop = at < fresh->count && fresh->items[at].start < old.end ? fresh->items[at].start : old.end;
        if (stop > old.start) {
            struct pando_mapping part = old;
            part.end = stop;
            int error = list_add(merged, part);
            if (error != 0)
                return error;
        }
        uint64_t next = stop < old.end ? fresh->items[at].end : old.end;
        if (next >= old.end)
            break;
        old.file_offset += next - old.start;
        old.start = next;
    }
    return 0;
}

static int by_start(const void *a, const void *b)
{
    const struct pando_mapping *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* fresh and what is left of the old ones. When too many are gone, those that went before this update are forgotten. */
static int merge_gone(const struct pando_mappings *mappings, const struct list *fresh, struct list *merged)
{
    uint64_t now = mappings->update_number + 1;
    for (int forget = 0; forget <= 1; forget++) {
        merged->count = 0;
        size_t at = 0;
        int error = 0;
        for (size_t i = 0; i < mappings->count && error == 0; i++) {
            struct pando_mapping old = mappings->items[i];
            if (old.object->kind == PANDO_OBJECT_ANONYMOUS || (forget && old.gone_since != 0))
                continue;
            if (old.gone_since == 0)
                old.gone_since = now;
            while (at < fresh->count && fresh->items[at].end <= old.start)
                at++;
            if (merged->count < PANDO_MAPPINGS_GONE_MAX)
                error = add_uncovered(merged, old, fresh, at);
        }
        if (error == PANDO_ERR_NO_MEMORY)
            return error;
        if (merged->count < PANDO_MAPPINGS_GONE_MAX)
            break;
    }
    if (merged->count > PANDO_MAPPINGS_GONE_MAX)
        merged->count = PANDO_MAPPINGS_GONE_MAX;
    for (size_t i = 0; i < fresh->count; i++) {
        int error = list_add(merged, fresh->items[i]);
        if (error != 0)
            return error;
    }
    if (merged->count != 0)
        qsort(merged->items, merged->count, sizeof merged->items[0], by_start);
    return 0;
}

int pando_mappings_update(struct pando_mappings *mappings, const char *maps, size_t len_bytes)
{
    struct list fresh = {0}, merged = {0};
    int limit = 0;
    int error = parse_maps(mappings, maps, len_bytes, &fresh);
    if (error == PANDO_ERR_LIMIT) {
        limit = error;
        error = 0;
    }
    if (error == 0)
        error = merge_gone(mappings, &fresh, &merged);
    free(fresh.items);
    if (error != 0) {
        free(merged.items);
        sweep_objects(mappings); /* those that only the refused map showed */
        return error;
    }
    for (size_t i = 0; i < mappings->count; i++)
        mappings->items[i].object->mapping_count--;
    for (size_t i = 0; i < merged.count; i++) {
        struct pando_object *object = merged.items[i].object;
        if (object->mapping_count++ == 0 || merged.items[i].gone_since == 0)
            object->shown_at = i;
    }
    free(mappings->items);
    mappings->items = merged.items;
    mappings->count = merged.count;
    mappings->update_number++;
    sweep_objects(mappings);
    return limit;
}

const struct pando_mapping *pando_mappings_find(const struct pando_mappings *mappings, uint64_t address)
{
    size_t low = 0, high = mappings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mappings->items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= mappings->items[low - 1].end)
        return NULL;
    return &mappings->items[low - 1];
}

const struct pando_mapping *pando_mappings_locate(struct pando_mappings *mappings, uint64_t address)
{
    const struct pando_mapping *mapping = pando_mappings_find(mappings, address);
    if (mapping != NULL)
        mapping->object->located_in = period_now(mappings);
    return mapping;
}

struct pando_object *pando_mappings_object(const struct pando_mappings *mappings, uint32_t number)
{
    size_t low = 0, high = mappings->object_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mappings->objects[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < mappings->object_count && mappings->objects[low]->number == number ? mappings->objects[low] : NULL;
}

void pando_mappings_end_period(struct pando_mappings *mappings)
{
    mappings->periods_ended++;
    sweep_objects(mappings);
}
