/* Why: receiver/store_groups.h: the tags of a group. Context: own process; any thread. */
#include <string.h>

#include "base/error.h"
#include "receiver/store_groups.h"
#include "receiver/store_lines.h"
#include "receiver/store_private.h"

/* With the lock. */
static int find(struct pando_store *store, const char *group, int64_t *ret_id)
{
    *ret_id = 0;
    int error = pando_store_run(store, "SELECT id FROM profile_group WHERE name = ?1", ret_id, "t", group);
    return error == 0 && *ret_id == 0 ? PANDO_ERR_NOT_FOUND : error;
}

int pando_store_tag_put(struct pando_store *store, int64_t group_id, const struct pando_tag *tag)
{
    int64_t unused;
    return pando_store_run(store, "INSERT INTO group_tag (group_id, name, value) VALUES (?1, ?2, ?3)"
                                  " ON CONFLICT (group_id, name) DO UPDATE SET value = excluded.value", &unused, "itt", group_id,
                           tag->name, tag->value);
}

int pando_store_tags_of(struct pando_store *store, int64_t group_id, int (*visit)(void *context, const struct pando_tag *tag),
                        void *context)
{
    sqlite3_stmt *rows = pando_store_line(store, "SELECT name, value FROM group_tag WHERE group_id = ?1 ORDER BY name");
    sqlite3_bind_int64(rows, 1, group_id);
    int code = SQLITE_DONE, result = 0;
    while (result == 0 && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(rows, 0), *value = (const char *)sqlite3_column_text(rows, 1);
        const struct pando_tag tag = {.name = name != NULL ? name : "", .value = value != NULL ? value : ""};
        result = visit(context, &tag);
    }
    pando_store_line_end(store, rows);
    return result != 0 ? result : code == SQLITE_DONE ? 0 : PANDO_ERR_IO;
}

int pando_store_tags(struct pando_store *store, const char *group, int (*visit)(void *context, const struct pando_tag *tag),
                     void *context)
{
    int64_t id;
    pthread_mutex_lock(&store->lock);
    int error = find(store, group, &id);
    pthread_mutex_unlock(&store->lock);
    return error != 0 ? error : pando_store_tags_of(store, id, visit, context);
}

int pando_store_tags_put(struct pando_store *store, const char *group, const struct pando_tag *tags, size_t tag_count)
{
    int64_t id = 0, count = 0;
    int error = pando_store_begin(store);
    if (error == 0)
        error = find(store, group, &id);
    for (size_t i = 0; i < tag_count && error == 0; i++)
        error = pando_store_tag_put(store, id, &tags[i]);
    if (error == 0)
        error = pando_store_run(store, "SELECT count(*) FROM group_tag WHERE group_id = ?1", &count, "i", id);
    if (error == 0 && count > PANDO_TAGS_MAX)
        error = PANDO_ERR_LIMIT;
    return pando_store_end(store, error);
}

int pando_store_tags_drop(struct pando_store *store, const char *group, const char *const *names, size_t name_count)
{
    int64_t id = 0, unused;
    int error = pando_store_begin(store);
    if (error == 0)
        error = find(store, group, &id);
    for (size_t i = 0; i < name_count && error == 0; i++)
        error = pando_store_run(store, "DELETE FROM group_tag WHERE group_id = ?1 AND name = ?2", &unused, "it", id, names[i]);
    return pando_store_end(store, error);
}
