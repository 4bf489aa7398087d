/* Why: worker/upload_counters.h. Context: the agent's thread. */
#include "worker/upload_counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;      /* in the uploader's; of samples_unwanted the whole's */
    bool is_in_profile; /* that the last profile came, the next one need not say */
} list[PANDO_UPLOAD_COUNTERS] = {
#define OF(counter) offsetof(struct pando_upload_counters, now.counter)
    {"samplesNotWanted", offsetof(struct pando_upload_counters, samples_unwanted), true},
    {"postsDelivered", OF(posts_delivered), false},
    {"postsRejected", OF(posts_rejected), true},
    {"postsGaveUp", OF(posts_gave_up), true},
    {"postsQueueFull", OF(posts_queue_full), true},
    {"postRetries", OF(retries), true},
    {"samplesDelivered", OF(samples_delivered), false},
    {"postsKept", OF(posts_kept), true},
    {"postsTakenOver", OF(posts_taken_over), true},
    {"spoolFailures", OF(spool_failures), true},
    {"spoolDropped", OF(spool_dropped), true},
    {"samplesLost", OF(samples_lost), true},
#undef OF
};

static uint64_t value_of(const struct pando_upload_counters *counters, size_t number)
{
    const void *at = (const char *)counters + list[number].offset;
    if (list[number].offset == offsetof(struct pando_upload_counters, samples_unwanted))
        return counters->samples_unwanted;
    return atomic_load_explicit((const atomic_ullong *)at, memory_order_relaxed);
}

void pando_upload_counters_visit(const struct pando_upload_counters *counters,
                                 void (*visit)(void *context, const char *name, uint64_t value), void *context)
{
    for (size_t i = 0; i < PANDO_UPLOAD_COUNTERS; i++)
        visit(context, list[i].name, value_of(counters, i));
}

void pando_upload_counters_tell(struct pando_upload_counters *counters, struct pando_profile_builder *builder)
{
    for (size_t i = 0; i < PANDO_UPLOAD_COUNTERS; i++) {
        uint64_t value = value_of(counters, i), more = value - counters->told[i];
        bool is_told = !list[i].is_in_profile || more == 0 || pando_profile_builder_add_counter(builder, list[i].name, more) == 0;
        counters->telling[i] = is_told ? value : counters->told[i];
    }
}

void pando_upload_counters_were_told(struct pando_upload_counters *counters)
{
    memcpy(counters->told, counters->telling, sizeof counters->told);
}
