/* Why: the upload thread has descriptors of its own (base/descriptors.h), so its "stderr" is not the host's. What it has
 * to say is kept here, and said by the next thread of the worker's that comes along: submit, flush or close.
 * Context: worker. The caller holds the uploader's lock, except where it says otherwise. Private to uploader/. */
#ifndef PANDO_UPLOADER_NOTES_H
#define PANDO_UPLOADER_NOTES_H

#include <pthread.h>

#include "base/log.h"

enum { PANDO_NOTES_MAX = 8, PANDO_NOTE_BYTES = 700 };

struct pando_notes {
    struct {
        enum pando_log_level level;
        char text[PANDO_NOTE_BYTES];
    } lines[PANDO_NOTES_MAX];
    unsigned count, lost;
};

/* Keeps one line; when there is no room it is counted as lost. */
void pando_notes_add(struct pando_notes *notes, enum pando_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Logs what is kept, oldest first, and forgets it. Takes `lock` itself, and never holds it while it writes. */
void pando_notes_say(struct pando_notes *notes, pthread_mutex_t *lock);

#endif
