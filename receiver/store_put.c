/* Why: receiver/store.h: putting profiles in. A commit waits for the disk, so posts that come at the same time share one: whoever finds
 * nobody at it commits for all that wait, and each is answered when its own is on disk.
 * Context: own process; any thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "receiver/packed.h"
#include "receiver/store_retention.h"

enum { PACKED_MAX_BYTES = 1 << 28 };

struct pando_store_parcel {
    struct pando_store_facts facts;
    struct pando_buffer packed;
    char *texts;             /* what the facts point to */
};

/* A profile that waits to be stored. Lies on its thread's stack. */
struct pando_store_waiting {
    const char *group, *token;
    const struct pando_store_parcel *parcel;
    bool is_done, is_known, is_no_room;
    const char *refusal;     /* a sentence: there is no such group; NULL */
    int code;                /* of SQLite */
    char *message;
    size_t message_bytes;
    struct pando_store_waiting *next;
};

/* Whether a group may be made because a profile came for it; else the refusal is set. */
static int may_make_group(struct pando_store *store, struct pando_store_waiting *waiting)
{
    int64_t groups = 0;
    if (store->groups_must_exist) {
        waiting->refusal = "There is no profiling group of this name; make it with CreateProfilingGroup.";
        return SQLITE_OK;
    }
    int code = store->groups_max != 0 ? pando_store_step_once(store->statements[STORE_COUNT_GROUPS], &groups) : SQLITE_OK;
    if (groups >= store->groups_max && store->groups_max != 0)
        waiting->refusal = "There is no profiling group of this name, and there are as many groups as this receiver keeps.";
    return code;
}

static int find_group(struct pando_store *store, struct pando_store_waiting *waiting, int64_t now_ms, int64_t *ret_id)
{
    sqlite3_stmt *find = store->statements[STORE_FIND_GROUP], *put = store->statements[STORE_PUT_GROUP];
    sqlite3_bind_text(find, 1, waiting->group, -1, SQLITE_STATIC);
    int code = pando_store_step_once(find, ret_id);
    if (code != SQLITE_OK || *ret_id != 0)
        return code;
    code = may_make_group(store, waiting);
    if (code != SQLITE_OK || waiting->refusal != NULL)
        return code;
    sqlite3_bind_text(put, 1, waiting->group, -1, SQLITE_STATIC);
    sqlite3_bind_int64(put, 2, now_ms);
    return pando_store_step_once(put, ret_id);
}

/* In a transaction. A token that is known changes nothing. */
static int insert(struct pando_store *store, struct pando_store_waiting *waiting)
{
    const struct pando_store_facts *facts = &waiting->parcel->facts;
    int64_t now_ms = (int64_t)(pando_clock_wall_ns() / 1000000), group_id, profile_id, is_new = 1, unused;
    waiting->refusal = NULL;
    int code = find_group(store, waiting, now_ms, &group_id);
    if (waiting->refusal != NULL)
        return code;
    if (code == SQLITE_OK && waiting->token != NULL) {
        sqlite3_stmt *put_token = store->statements[STORE_PUT_TOKEN];
        sqlite3_bind_int64(put_token, 1, group_id);
        sqlite3_bind_text(put_token, 2, waiting->token, -1, SQLITE_STATIC);
        sqlite3_bind_int64(put_token, 3, now_ms);
        code = pando_store_step_once(put_token, &is_new);
    }
    waiting->is_known = is_new == 0;
    if (code != SQLITE_OK || waiting->is_known)
        return code;
    if (pando_store_is_full(store, waiting->parcel->packed.len_bytes))
        return SQLITE_FULL;
    sqlite3_stmt *count = store->statements[STORE_COUNT_GROUP], *put = store->statements[STORE_PUT_PROFILE];
    sqlite3_bind_int64(count, 1, group_id);
    sqlite3_bind_int64(count, 2, facts->samples);
    sqlite3_bind_int64(count, 3, facts->start_ms);
    sqlite3_bind_int64(count, 4, facts->end_ms);
    sqlite3_bind_int64(count, 5, now_ms);
    code = pando_store_step_once(count, &unused);
    if (code != SQLITE_OK)
        return code;
    sqlite3_bind_int64(put, 1, group_id);
    sqlite3_bind_int64(put, 2, facts->start_ms);
    sqlite3_bind_int64(put, 3, facts->end_ms);
    sqlite3_bind_int64(put, 4, now_ms);
    sqlite3_bind_blob64(put, 5, waiting->parcel->packed.bytes, waiting->parcel->packed.len_bytes, SQLITE_STATIC);
    code = pando_store_step_once(put, &profile_id);
    return code == SQLITE_OK ? pando_store_put_facts(store->statements, group_id, profile_id, facts) : code;
}

static int step_and_reset(sqlite3_stmt *statement)
{
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

/* All of these in one transaction, or none: then all have the code and a sentence. With the store's lock. */
static int commit(struct pando_store *store, struct pando_store_waiting *first, const struct pando_store_waiting *end)
{
    char why[256] = "";
    errno = 0; /* for pando_store_explain */
    int code = step_and_reset(store->statements[STORE_BEGIN]);
    for (struct pando_store_waiting *one = first; one != end && code == SQLITE_OK; one = one->next)
        code = insert(store, one);
    if (code == SQLITE_OK)
        code = step_and_reset(store->statements[STORE_COMMIT]);
    if (code != SQLITE_OK) /* before a rollback makes it forget */
        pando_store_explain(store->db, code, "The profile cannot be stored", why, sizeof why);
    bool is_no_room = code != SQLITE_OK && pando_store_is_no_room(store->db, code);
    if (!sqlite3_get_autocommit(store->db))
        step_and_reset(store->statements[STORE_ROLLBACK]);
    for (struct pando_store_waiting *one = first; one != end; one = one->next) {
        one->code = code;
        one->is_no_room = is_no_room;
        if (code != SQLITE_OK)
            snprintf(one->message, one->message_bytes, "%s", why);
    }
    return code;
}

/* What fails together is tried one by one: one that is too large for the rest of the disk must not take others with it. Not
 * when somebody else has the file locked: each would wait as long again. */
static void commit_all(struct pando_store *store, struct pando_store_waiting *first)
{
    pthread_mutex_lock(&store->lock);
    int code = commit(store, first, NULL);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY && first->next != NULL) {
        for (struct pando_store_waiting *one = first; one != NULL; one = one->next)
            commit(store, one, one->next);
    }
    pthread_mutex_unlock(&store->lock);
}

/* Returns when it is stored or refused, by this thread or by another's commit. */
static void put_with_others(struct pando_store *store, struct pando_store_waiting *waiting)
{
    struct pando_store_queue *queue = &store->queue;
    pthread_mutex_lock(&queue->lock);
    *queue->end = waiting;
    queue->end = &waiting->next;
    while (!waiting->is_done && queue->is_committing)
        pthread_cond_wait(&queue->changed, &queue->lock);
    if (!waiting->is_done) {
        struct pando_store_waiting *first = queue->first, *next;
        queue->first = NULL;
        queue->end = &queue->first;
        queue->is_committing = true;
        pthread_mutex_unlock(&queue->lock);
        commit_all(store, first);
        pthread_mutex_lock(&queue->lock);
        queue->is_committing = false;
        for (; first != NULL; first = next) {
            next = first->next; /* it is its thread's again as soon as that sees it done */
            first->is_done = true;
        }
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
}

/* Copies of the texts, one behind the other, since the profile may be gone when its turn comes. */
static bool keep_texts(struct pando_store_parcel *parcel)
{
    const char **const texts[] = {&parcel->facts.host, &parcel->facts.process, &parcel->facts.fleet_id};
    size_t bytes = 0;
    for (size_t i = 0; i < 3; i++)
        bytes += strlen(*texts[i]) + 1;
    char *at = parcel->texts = malloc(bytes);
    for (size_t i = 0; i < 3 && at != NULL; i++) {
        const char *from = *texts[i];
        *texts[i] = at;
        at = stpcpy(at, from) + 1;
    }
    return at != NULL;
}

int pando_store_pack(const struct pando_profile *profile, struct pando_store_parcel **ret_parcel, char *message, size_t message_bytes)
{
    struct pando_store_parcel *parcel = calloc(1, sizeof *parcel);
    int error = PANDO_ERR_NO_MEMORY;
    if (parcel != NULL) {
        pando_buffer_init(&parcel->packed, PACKED_MAX_BYTES);
        pando_store_facts(profile, &parcel->facts);
        error = pando_packed_encode(profile, &parcel->packed);
        if (error == 0 && !keep_texts(parcel))
            error = PANDO_ERR_NO_MEMORY;
    }
    if (error == 0) {
        *ret_parcel = parcel;
        return 0;
    }
    snprintf(message, message_bytes, "The profile cannot be stored: %s.", pando_error_text(error));
    pando_store_parcel_free(parcel);
    return error == PANDO_ERR_NO_MEMORY ? error : PANDO_ERR_IO;
}

void pando_store_parcel_free(struct pando_store_parcel *parcel)
{
    if (parcel == NULL)
        return;
    pando_buffer_release(&parcel->packed);
    free(parcel->texts);
    free(parcel);
}

int pando_store_put_parcel(struct pando_store *store, const char *group, const char *token, const struct pando_store_parcel *parcel,
                           char *message, size_t message_bytes)
{
    struct pando_store_waiting waiting = {
        .group = group, .token = token, .parcel = parcel, .message = message, .message_bytes = message_bytes};
    put_with_others(store, &waiting);
    if (waiting.code == SQLITE_OK && waiting.refusal != NULL) {
        snprintf(message, message_bytes, "%s", waiting.refusal);
        return PANDO_ERR_NOT_FOUND;
    }
    if (waiting.code != SQLITE_OK)
        return waiting.is_no_room ? PANDO_ERR_LIMIT : PANDO_ERR_IO;
    return waiting.is_known;
}

int pando_store_put(struct pando_store *store, const char *group, const char *token, const struct pando_profile *profile,
                    char *message, size_t message_bytes)
{
    struct pando_store_parcel *parcel;
    int result = pando_store_pack(profile, &parcel, message, message_bytes);
    if (result != 0)
        return result;
    result = pando_store_put_parcel(store, group, token, parcel, message, message_bytes);
    pando_store_parcel_free(parcel);
    return result;
}
