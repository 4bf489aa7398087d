/* Why: uploader/spool_owner.h. Context: worker. */
#include "uploader/spool_owner.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "uploader/small_file.h"

enum { STAT_BYTES = 1024, START_FIELD = 22 };

uint64_t pando_spool_start_of_text(const char *text)
{
    const char *at = strrchr(text, ')'); /* the name before it may hold anything */
    for (int field = 2; at != NULL && field < START_FIELD; field++) {
        const char *blank = strchr(at, ' ');
        at = blank != NULL ? blank + 1 : NULL;
    }
    struct pando_cursor cursor = pando_cursor_of_text(at != NULL ? at : "");
    uint64_t start = 0;
    pando_cursor_decimal(&cursor, UINT64_MAX, &start);
    return start;
}

uint64_t pando_spool_start_of(uint32_t pid)
{
    char path[64], text[STAT_BYTES + 1];
    size_t len;
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    return pando_small_file_read(path, text, STAT_BYTES, &len) == 0 ? pando_spool_start_of_text(text) : 0;
}
