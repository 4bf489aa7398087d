/* Why: AWS's two shared files read as one: what the credentials file says of a profile comes before the configuration's.
 * Context: the upload thread, setup. Private to uploader/. */
#ifndef PANDO_UPLOADER_SHARED_FILES_H
#define PANDO_UPLOADER_SHARED_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "uploader/ini.h"

struct pando_shared_files {
    struct pando_ini credentials, config;
};

/* The profile that is to be used; is_named: the user has chosen it. */
const char *pando_shared_files_profile(const char *environment, bool *ret_is_named);
/* Reads both into `memory` (of memory_bytes + 1), which must outlive `files`. A file that is not there is empty. 0, PANDO_ERR_LIMIT,
 * PANDO_ERR_INVALID, PANDO_ERR_IO. */
int pando_shared_files_open(struct pando_shared_files *files, const char *environment, char *memory, size_t memory_bytes);
bool pando_shared_files_has(const struct pando_shared_files *files, const char *profile);
/* As pando_ini_get. */
int pando_shared_files_get(const struct pando_shared_files *files, const char *profile, const char *name, char *value,
                           size_t value_bytes);

#endif
