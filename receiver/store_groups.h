/* Why: what is kept of a profiling group besides its profiles: when it was made, whether its agents shall profile, its tags.
 * Context: own process; any thread. What can fail returns PANDO_ERR_IO, and PANDO_ERR_NOT_FOUND where a group is named that is not
 * there; nothing has changed then. */
#ifndef PANDO_RECEIVER_STORE_GROUPS_H
#define PANDO_RECEIVER_STORE_GROUPS_H

#include "receiver/store.h"

enum {
    PANDO_GROUPS_MAX = 10000,
    PANDO_TAGS_MAX = 50,           /* of a group */
    PANDO_TAG_NAME_MAX_BYTES = 512, PANDO_TAG_VALUE_MAX_BYTES = 1024, /* 128 and 256 characters */
};

struct pando_group {
    int64_t id;
    const char *name;
    uint64_t created_ms, updated_ms, reported_ms, orchestrated_ms; /* 0: never */
    uint64_t latest_start_ms;      /* when the latest profile began, as exactly as it is still known */
    uint32_t latest_span_ms;       /* of the finest aggregate that has it: five minutes, an hour, a day; 0: there is none */
    bool is_enabled, is_lambda;
};

struct pando_tag {
    const char *name, *value;
};

/* Whether a group must have been made before a profile comes for it, and how many there may be (0: any number). Before the first
 * profile. */
void pando_store_group_rule(struct pando_store *store, bool must_exist, uint32_t max);

/* Makes a group, with tags. 0; 1: it was made before with the same `client_token` (not ""); PANDO_ERR_BUSY: it is there already;
 * PANDO_ERR_LIMIT: there are as many as there may be. */
int pando_store_group_make(struct pando_store *store, const char *name, const char *client_token, bool is_enabled, bool is_lambda,
                           const struct pando_tag *tags, size_t tag_count);
/* Calls `visit` for the groups with a number above `after_id`, rising, `max` at most; or for the one of that `name`. It must not
 * use the store. Returns how many there were, or what `visit` returned first that is not 0. */
int pando_store_group_list(struct pando_store *store, int64_t after_id, size_t max,
                           int (*visit)(void *context, const struct pando_group *group), void *context);
int pando_store_group_find(struct pando_store *store, const char *name,
                           int (*visit)(void *context, const struct pando_group *group), void *context);
/* Whether its agents shall profile. */
int pando_store_group_enable(struct pando_store *store, const char *name, bool is_enabled);
/* An agent asks: *ret_is_enabled tells what to answer. That it asked is noted (once in ten seconds). */
int pando_store_group_asked(struct pando_store *store, const char *name, bool *ret_is_enabled);
/* The group is gone at once, and for good; then its profiles go, a part at a time, so that posts to others are not held up. */
int pando_store_group_delete(struct pando_store *store, const char *name);
/* What an earlier end in the middle of that left. */
int pando_store_group_sweep(struct pando_store *store);

/* Tags by name. `visit` must not use the store. */
int pando_store_tags(struct pando_store *store, const char *group, int (*visit)(void *context, const struct pando_tag *tag),
                     void *context);
int pando_store_tags_of(struct pando_store *store, int64_t group_id, int (*visit)(void *context, const struct pando_tag *tag),
                        void *context);
/* Sets these. PANDO_ERR_LIMIT: then there would be too many. */
int pando_store_tags_put(struct pando_store *store, const char *group, const struct pando_tag *tags, size_t tag_count);
/* Takes these away; a name that is not there is no error. */
int pando_store_tags_drop(struct pando_store *store, const char *group, const char *const *names, size_t name_count);

#endif
