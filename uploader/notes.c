/* Why: uploader/notes.h. Context: worker. */
#include "uploader/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void pando_notes_add(struct pando_notes *notes, enum pando_log_level level, const char *format, ...)
{
    if (notes->count == PANDO_NOTES_MAX) {
        notes->lost++;
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(notes->lines[notes->count].text, PANDO_NOTE_BYTES, format, args);
    va_end(args);
    notes->lines[notes->count++].level = level;
}

void pando_notes_say(struct pando_notes *notes, pthread_mutex_t *lock)
{
    pthread_mutex_lock(lock);
    while (notes->count != 0) {
        char text[PANDO_NOTE_BYTES];
        enum pando_log_level level = notes->lines[0].level;
        memcpy(text, notes->lines[0].text, sizeof text);
        notes->count--;
        memmove(&notes->lines[0], &notes->lines[1], notes->count * sizeof notes->lines[0]);
        pthread_mutex_unlock(lock);
        pando_log(level, "%s", text);
        pthread_mutex_lock(lock);
    }
    unsigned lost = notes->lost;
    notes->lost = 0;
    pthread_mutex_unlock(lock);
    if (lost != 0)
        pando_log(PANDO_LOG_WARN, "the uploader had %u more lines to say", lost);
}
