/* Why: what a file of the spool is called and holds, so that a damaged, foreign or half-written one is told from a good one.
 * Context: worker. Pure. Private to uploader/.
 * Name: hash of the group, wall milliseconds of the seal, pid and start time of the owner, token. First line: form, group, token,
 * content type, samples, length and checksum; then the body. */
#ifndef PANDO_UPLOADER_SPOOL_FILE_H
#define PANDO_UPLOADER_SPOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uploader/payload.h"

enum { PANDO_SPOOL_HEADER_BYTES = 512 };

struct pando_spool_name {
    uint64_t group_hash, sealed_wall_ms, owner_start;
    uint32_t owner_pid;
    char token[PANDO_TOKEN_SIZE];
};

void pando_spool_name_write(const struct pando_spool_name *name, char text[PANDO_SPOOL_NAME_BYTES]);
/* False: it is none of ours. */
bool pando_spool_name_read(const char *text, struct pando_spool_name *ret_name);
/* What the file is called while it is written: ".new-" and the owner and the token of its name. */
void pando_spool_new_name_write(const struct pando_spool_name *name, char text[PANDO_SPOOL_NAME_BYTES]);
/* False: it is no such name. */
bool pando_spool_new_name_read(const char *text, uint32_t *ret_owner_pid, uint64_t *ret_owner_start);
uint64_t pando_spool_group_hash(const char *group);

/* Writes the first line, with its line break and a NUL; its length. */
size_t pando_spool_header_write(const struct pando_payload *payload, const char *group, char header[PANDO_SPOOL_HEADER_BYTES]);
/* Checks a whole file and makes a payload of it (the caller's) with the token that it always had. 0; PANDO_ERR_NOT_FOUND: of another
 * group; PANDO_ERR_SYNTAX: damaged; PANDO_ERR_NO_MEMORY. */
int pando_spool_file_read(const char *bytes, size_t len_bytes, const char *group, struct pando_payload **ret_payload);

#endif
