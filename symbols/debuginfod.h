/* Why: fetches debug files that are not on this machine from debuginfod servers, where the user has named some (DEBUGINFOD_URLS).
 * libdebuginfod waits for the network, so it has a thread of its own, and is loaded when the first file is asked for.
 * Context: worker and own processes. Bounded: one file at a time, a number of files, their size, and the time of each. */
#ifndef PANDO_SYMBOLS_DEBUGINFOD_H
#define PANDO_SYMBOLS_DEBUGINFOD_H

#include <stdbool.h>

#include "symbols/elf_sections.h"

struct pando_debuginfod;

/* NULL: no memory. Nothing is started yet. */
struct pando_debuginfod *pando_debuginfod_new(void);
/* Gives up what is under way and waits for the thread (a second or two when a server does not answer). */
void pando_debuginfod_free(struct pando_debuginfod *fetcher);

/* The debug file with that build-id: 0, *ret_fd (the caller's) and *ret_path (malloc'ed); PANDO_ERR_BUSY: it is on its way, ask
 * again later; PANDO_ERR_NOT_FOUND: no server has it, or there is no libdebuginfod; PANDO_ERR_LIMIT: too many files. */
int pando_debuginfod_get(struct pando_debuginfod *fetcher, const struct pando_build_id *id, int *ret_fd, char **ret_path);
/* How many files are on their way. */
unsigned pando_debuginfod_pending(struct pando_debuginfod *fetcher);

#endif
