/* Why: collector/code_map.h. Context: worker.
 *
 * Three things have different lives. Objects (code_map_tables.c) live while they are mapped. A list lives until the next one is
 * published. Both are then retired: first they wait until a grace period begins after them (`retired`), then until it is over
 * (`waiting`), because a handler may have the old list in hand. */
#include "collector/code_map.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "collector/code_map_tables.h"
#include "collector/code_map_text.h"
#include "collector/row_builder.h"
#include "collector/unwind_image.h"

enum { FREE_TRIES = 20, FREE_PAUSE_NS = 1000000 };

/* A list with what only the worker knows of it. The handler's part comes last. */
struct map_list {
    struct map_list *next;              /* retired before this one */
    struct pando_code_object **objects; /* one an entry; NULL: none */
    struct pando_object_list list;
};

struct retired {
    struct map_list *lists;
    struct pando_code_object *objects;
};

struct pando_code_map {
    struct pando_objects *shared;
    struct pando_counters *counters;
    size_t rows_limit_bytes, rows_bytes;
    struct pando_row_builder *builder;
    struct pando_code_objects objects;
    struct map_list *current;
    struct retired retired, waiting;
    bool is_waiting;
    uint32_t *snapshot;
};

struct pando_code_map *pando_code_map_new(struct pando_objects *objects, struct pando_counters *counters,
                                          size_t rows_limit_bytes)
{
    struct pando_code_map *map = calloc(1, sizeof *map);
    if (map == NULL)
        return NULL;
    map->shared = objects;
    map->counters = counters;
    map->rows_limit_bytes = rows_limit_bytes;
    map->builder = pando_row_builder_new();
    map->snapshot = malloc(PANDO_OBJECTS_READERS_MAX * sizeof map->snapshot[0]);
    if (map->builder != NULL && map->snapshot != NULL)
        return map;
    pando_row_builder_free(map->builder);
    free(map->snapshot);
    free(map);
    return NULL;
}

/* ---- lists ---- */

static struct map_list *make_list(uint32_t count, uint32_t unloads)
{
    struct map_list *list = calloc(1, sizeof *list + count * sizeof list->list.entries[0]);
    struct pando_code_object **objects = calloc(count + 1, sizeof *objects);
    if (list == NULL || objects == NULL) {
        free(list);
        free(objects);
        return NULL;
    }
    list->objects = objects;
    list->list.unloads_seen = unloads;
    return list;
}

static void free_list(struct map_list *list)
{
    free(list->objects);
    free(list);
}

static void retire_list(struct pando_code_map *map, struct map_list *list)
{
    if (list == NULL)
        return;
    list->next = map->retired.lists;
    map->retired.lists = list;
}

static void publish(struct pando_code_map *map, struct map_list *list)
{
    pando_objects_publish(map->shared, list != NULL ? &list->list : NULL);
    retire_list(map, map->current);
    map->current = list;
}

/* Handlers mark entries of the list that they see: their wishes go over to the objects. */
static void collect_wanted(struct pando_code_map *map)
{
    for (uint32_t i = 0; map->current != NULL && i < map->current->list.count; i++) {
        struct pando_code_object *object = map->current->objects[i];
        if (object != NULL && !object->is_answered &&
            atomic_load_explicit(&map->current->list.entries[i].wanted, memory_order_relaxed) != 0)
            object->is_wanted = true;
    }
}

static void fill_entry(struct map_list *list, uint32_t i, uint64_t start, uint64_t end, struct pando_code_object *object)
{
    struct pando_object_entry *entry = &list->list.entries[i];
    list->objects[i] = object;
    entry->start = start;
    entry->end = end;
    entry->bias = object != NULL ? object->bias : 0;
    entry->rows = object != NULL ? object->rows : NULL;
    entry->has_no_rows = object == NULL || (object->is_answered && object->rows == NULL);
}

static bool same_list(const struct map_list *a, const struct map_list *b)
{
    if (a == NULL || a->list.count != b->list.count || a->list.unloads_seen != b->list.unloads_seen)
        return false;
    for (uint32_t i = 0; i < a->list.count; i++) {
        const struct pando_object_entry *x = &a->list.entries[i], *y = &b->list.entries[i];
        if (x->start != y->start || x->end != y->end || x->bias != y->bias || x->rows != y->rows ||
            x->has_no_rows != y->has_no_rows || a->objects[i] != b->objects[i])
            return false;
    }
    return true;
}

/* The current list once more, with the rows that there are now. */
static void publish_answers(struct pando_code_map *map)
{
    const struct map_list *old = map->current;
    struct map_list *list = make_list(old->list.count, old->list.unloads_seen);
    if (list == NULL)
        return; /* the rows are kept; the next list has them */
    list->list.count = old->list.count;
    for (uint32_t i = 0; i < list->list.count; i++)
        fill_entry(list, i, old->list.entries[i].start, old->list.entries[i].end, old->objects[i]);
    publish(map, list);
}

/* ---- taking over a map ---- */

static void retire_object(struct pando_code_map *map, struct pando_code_object *object)
{
    if (object->rows != NULL)
        map->rows_bytes -= object->rows->memory_bytes;
    object->next = map->retired.objects;
    map->retired.objects = object;
}

static int fill_list(struct pando_code_map *map, const struct pando_code_mappings *mappings, struct map_list *list)
{
    int limit = 0;
    for (uint32_t i = 0; i < mappings->count; i++) {
        const struct pando_code_mapping *mapping = &mappings->items[i];
        struct pando_code_object *object = NULL;
        int error = mapping->header != 0 ? pando_code_objects_get(&map->objects, mapping, &object) : 0;
        if (error == PANDO_ERR_NO_MEMORY)
            return error;
        limit = error != 0 ? error : limit;
        if (object != NULL)
            object->is_mapped = true;
        bool is_part = object != NULL && object->is_elf && pando_code_object_has(object, mapping);
        fill_entry(list, list->list.count++, mapping->start, mapping->end, is_part ? object : NULL);
    }
    return limit;
}

/* After an unload, what looks the same in the map may be another object: those that changed are not found again. The list that
 * is published has them until the next one is: its unloads_seen keeps handlers from using rows meanwhile. */
static void note_changed(struct pando_code_map *map)
{
    for (uint32_t i = 0; i < map->objects.count; i++)
        if (!pando_code_object_is_current(map->objects.items[i]))
            map->objects.items[i]->is_changed = true;
}

/* Once a list without them is published. */
static void drop_unmapped(struct pando_code_map *map)
{
    struct pando_code_object *object = pando_code_objects_take_unmapped(&map->objects);
    while (object != NULL) {
        struct pando_code_object *next = object->next;
        retire_object(map, object);
        object = next;
    }
}

int pando_code_map_update(struct pando_code_map *map, const char *maps, size_t len_bytes, uint32_t unloads)
{
    struct pando_code_mappings mappings;
    /* Before the list is made: what a handler misses from now on it will miss in the new list too, and say so again. */
    atomic_store_explicit(&map->shared->unknown_code, 0, memory_order_relaxed);
    int limit = pando_code_mappings_read(&mappings, maps, len_bytes);
    struct map_list *list = limit == 0 || limit == PANDO_ERR_LIMIT ? make_list(mappings.count, unloads) : NULL;
    if (list == NULL) {
        pando_code_mappings_release(&mappings);
        atomic_store_explicit(&map->shared->unknown_code, 1, memory_order_relaxed);
        return limit == 0 || limit == PANDO_ERR_LIMIT ? PANDO_ERR_NO_MEMORY : limit;
    }
    collect_wanted(map);
    if (map->current != NULL && map->current->list.unloads_seen != unloads)
        note_changed(map);
    for (uint32_t i = 0; i < map->objects.count; i++)
        map->objects.items[i]->is_mapped = false;
    int error = fill_list(map, &mappings, list);
    pando_code_mappings_release(&mappings);
    if (error == PANDO_ERR_NO_MEMORY) {
        free_list(list);
        atomic_store_explicit(&map->shared->unknown_code, 1, memory_order_relaxed);
        return error;
    }
    if (same_list(map->current, list))
        free_list(list);
    else
        publish(map, list);
    drop_unmapped(map);
    return error != 0 ? error : limit;
}

bool pando_code_map_is_stale(const struct pando_code_map *map)
{
    return map->current == NULL || atomic_load_explicit(&map->shared->unknown_code, memory_order_relaxed) != 0 ||
           atomic_load_explicit(&map->shared->unloads, memory_order_acquire) != map->current->list.unloads_seen;
}

/* ---- rows ---- */

static void answer(struct pando_code_map *map, struct pando_code_object *object)
{
    size_t left = map->rows_limit_bytes - map->rows_bytes;
    struct pando_rows *rows = NULL;
    object->fingerprint = pando_image_fingerprint(object->header, object->bias);
    int error = pando_row_builder_build(map->builder, object->header, object->bias, left, &rows);
    object->is_wanted = false;
    object->is_answered = true;
    if (error == 0 && pando_image_fingerprint(object->header, object->bias) != object->fingerprint) {
        free(rows); /* it was unloaded meanwhile, and something else is there: the next map shows what */
        error = PANDO_ERR_IO;
    }
    if (error != 0) {
        pando_count(map->counters, PANDO_COUNT_OBJECTS_WITHOUT_ROWS);
        return;
    }
    object->rows = rows;
    map->rows_bytes += rows->memory_bytes;
}

uint32_t pando_code_map_build_wanted(struct pando_code_map *map)
{
    uint32_t answered = 0;
    collect_wanted(map);
    for (uint32_t i = 0; i < map->objects.count; i++) {
        struct pando_code_object *object = map->objects.items[i];
        if (!object->is_wanted || object->is_answered)
            continue;
        answer(map, object);
        answered++;
    }
    if (answered != 0 && map->current != NULL)
        publish_answers(map);
    return answered;
}

void pando_code_map_want(struct pando_code_map *map, uint64_t address)
{
    if (map->current == NULL)
        return;
    const struct pando_object_entry *entry = pando_objects_find(&map->current->list, address, NULL);
    struct pando_code_object *object = entry != NULL ? map->current->objects[entry - map->current->list.entries] : NULL;
    if (object == NULL || object->is_answered)
        return;
    answer(map, object);
    publish_answers(map);
}

const struct pando_object_list *pando_code_map_list(const struct pando_code_map *map)
{
    return map->current != NULL ? &map->current->list : NULL;
}

/* ---- reclaiming ---- */

static uint32_t reader_count(const struct pando_code_map *map)
{
    return map->shared->readers != NULL ? PANDO_OBJECTS_READERS_MAX : 0;
}

static void free_retired(struct retired *retired)
{
    for (struct map_list *list = retired->lists, *next; list != NULL; list = next) {
        next = list->next;
        free_list(list);
    }
    for (struct pando_code_object *object = retired->objects, *next; object != NULL; object = next) {
        next = object->next;
        pando_code_object_free(object);
    }
    *retired = (struct retired){0};
}

void pando_code_map_reclaim(struct pando_code_map *map)
{
    if (!map->is_waiting && (map->retired.lists != NULL || map->retired.objects != NULL)) {
        map->waiting = map->retired;
        map->retired = (struct retired){0};
        pando_objects_grace_begin(map->shared, map->snapshot, reader_count(map));
        map->is_waiting = true;
    }
    if (map->is_waiting && pando_objects_grace_over(map->shared, map->snapshot, reader_count(map))) {
        free_retired(&map->waiting);
        map->is_waiting = false;
    }
}

void pando_code_map_free(struct pando_code_map *map)
{
    if (map == NULL)
        return;
    publish(map, NULL);
    for (uint32_t i = 0; i < map->objects.count; i++)
        map->objects.items[i]->is_mapped = false;
    drop_unmapped(map);
    free(map->objects.items);
    /* Twice: what waits, then what was retired since. */
    for (int i = 0; i < FREE_TRIES && (map->is_waiting || map->retired.lists != NULL || map->retired.objects != NULL); i++) {
        struct timespec pause = {.tv_nsec = FREE_PAUSE_NS};
        pando_code_map_reclaim(map);
        if (map->is_waiting)
            nanosleep(&pause, NULL);
    }
    pando_row_builder_free(map->builder);
    free(map->snapshot);
    free(map);
}
