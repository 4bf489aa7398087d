/* Why: the spool's folder: opened only if it is safe, listed, kept within its limits.
 * Context: worker. Private to uploader/spool*.c. */
#ifndef PANDO_UPLOADER_SPOOL_FOLDER_H
#define PANDO_UPLOADER_SPOOL_FOLDER_H

#include "uploader/spool.h"
#include "uploader/spool_file.h"

struct pando_spool_entry {
    struct pando_spool_name name;
    uint64_t bytes;
};

/* A descriptor of the folder, made (0700) if it is not there. PANDO_ERR_IO (errno), PANDO_ERR_REFUSED: it is not this user's alone. */
int pando_spool_folder_open(const char *path);
/* The files of the spool, oldest first, at most PANDO_SPOOL_FILES_MAX; leftovers of writes that never ended are deleted. *ret_entries
 * is the caller's. Their number, or an error. */
int pando_spool_folder_list(int folder, struct pando_spool_entry **ret_entries);
/* Deletes the oldest until `more_bytes` fit into limit_bytes; returns how many. */
unsigned pando_spool_folder_make_room(int folder, uint64_t more_bytes, uint64_t limit_bytes);

#endif
