/* Why: a sealed interval on disk, so that neither a kill nor an outage loses it; a later process of the same group sends it, under the
 * token that it has had since it was sealed.
 * Context: worker. Holds no descriptor between calls. Private to uploader/. docs/delivery.md has the rules.
 * The folder must be this user's alone (0700), which is looked at each time; links are never followed in it. */
#ifndef PANDO_UPLOADER_SPOOL_H
#define PANDO_UPLOADER_SPOOL_H

#include <stdatomic.h>

#include "uploader/payload.h"
#include "uploader/uploader.h"

struct pando_spool {
    char folder[512];
    char group[256];
    uint64_t limit_bytes;
    struct pando_uploader_counters *counters;
    atomic_bool has_failed;  /* and that was said; until it works again */
};

enum {
    PANDO_SPOOL_FILES_MAX = 4096,       /* in the folder */
    PANDO_SPOOL_OWN_MS = 10000,         /* younger ones of this process's own are being handed over at this moment */
    PANDO_SPOOL_AGE_MAX_S = 7 * 86400,  /* older ones are deleted, and counted */
};

/* Writes the payload and notes its file's name in it. It is on disk when 0 comes back. Otherwise it is in memory only: counted, and
 * `message` (of message_bytes) has a clause for the log if this has not been said yet, else "". */
int pando_spool_write(struct pando_spool *spool, struct pando_payload *payload, char *message, size_t message_bytes);
/* The payload's file, if there is one, is no longer needed. */
void pando_spool_remove(struct pando_spool *spool, struct pando_payload *payload);
/* Takes the oldest file of the group's whose owner is gone, or that is this process's own and 10 seconds old, and makes it this
 * process's. Call it when no payload with a file is in memory. NULL: there is none. */
struct pando_payload *pando_spool_take(struct pando_spool *spool);

#endif
