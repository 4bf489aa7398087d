/* Why: what became of profiles is counted by the uploader, and told twice: to who asks (pando_counters_visit), and in the next profile,
 * so that the page shows what is missing from it.
 * Context: the agent's thread. Private to worker/. */
#ifndef PANDO_WORKER_UPLOAD_COUNTERS_H
#define PANDO_WORKER_UPLOAD_COUNTERS_H

#include "profile/profile.h"
#include "uploader/uploader.h"

enum { PANDO_UPLOAD_COUNTERS = 12 };

struct pando_upload_counters {
    struct pando_uploader_counters now;     /* the uploader's */
    uint64_t samples_unwanted;              /* the service wants none, or none of so short an interval */
    uint64_t told[PANDO_UPLOAD_COUNTERS];   /* in profiles that were sealed */
    uint64_t telling[PANDO_UPLOAD_COUNTERS]; /* in the one that is being made */
};

void pando_upload_counters_visit(const struct pando_upload_counters *counters,
                                 void (*visit)(void *context, const char *name, uint64_t value), void *context);
/* Adds what came since the last profile that was sealed. What does not fit is told by the next one. */
void pando_upload_counters_tell(struct pando_upload_counters *counters, struct pando_profile_builder *builder);
/* The profile that was told to is sealed. */
void pando_upload_counters_were_told(struct pando_upload_counters *counters);

#endif
