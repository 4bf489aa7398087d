/* Why: one step of rolling up: which rows become which. Context: own process. Private to receiver/store*.c. */
#ifndef PANDO_RECEIVER_STORE_FOLD_H
#define PANDO_RECEIVER_STORE_FOLD_H

#include "receiver/store_levels.h"
#include "receiver/store_private.h"

enum pando_store_fold_kind {
    STORE_ROLL,    /* single profiles into rows of 5 minutes */
    STORE_CARRY,   /* rows of a level into rows of the one above; they stay, and are marked */
    STORE_COMPACT, /* rows of one span into fewer; they go */
};

struct pando_store_fold {
    enum pando_store_fold_kind kind;
    int64_t group_id;
    enum pando_store_level level; /* of what comes out */
    int64_t begin_ms;             /* of its span */
    int64_t made_ms;              /* now */
    bool is_carried;              /* what comes out is in the level above already */
    bool drops_inputs;            /* what goes in goes at once, not when it is old: there is no room for both */
    struct pando_store_item *inputs; /* is_damaged is set for those that cannot be read: they are left out */
    size_t input_count;
};

/* Folds the inputs, or a first part of them if they are much. 0: done. 1: another was there first, or nothing can be read; nothing changed. PANDO_ERR_IO,
 * PANDO_ERR_NO_MEMORY with a sentence: nothing changed. */
int pando_store_fold(struct pando_store *store, const struct pando_store_fold *fold, char *message, size_t message_bytes);

/* As pando_store_add, but slices are as coarse as the level is: threads of one name are one, and from an hour on requests (trace_id,
 * span_id) are not told apart. Their numbers mean nothing over a longer time, and each would be a leaf of its own under every function. */
int pando_store_add_coarser(struct pando_profile_builder *builder, const struct pando_profile *profile, enum pando_store_level level,
                            bool is_first);

#endif
