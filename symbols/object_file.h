/* Why: the file behind a mapping, and nothing else: a file that took its place in the meantime has other functions at the
 * same offsets, and wrong names are worse than none.
 * Context: worker. Private to symbols/. */
#ifndef PANDO_SYMBOLS_OBJECT_FILE_H
#define PANDO_SYMBOLS_OBJECT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "symbols/mappings.h"

/* Whose mappings they are. All zero: this process's. */
struct pando_object_process {
    int pid;             /* 0: this one */
    char root[32];       /* "/proc/PID/root": how its files are reached, also from another mount namespace */
};

/* Opens the file that `mapping` shows, for reading: close-on-exec, never below descriptor 10. It is the caller's to close.
 * PANDO_ERR_NOT_FOUND: it is gone or replaced; PANDO_ERR_IO: it cannot be opened. May note in the object that it is verified. */
int pando_object_file_open(const struct pando_object_process *process, const struct pando_mapping *mapping, int *ret_fd);

/* Opens any path in that manner, without waiting (a FIFO may stand there). A descriptor, or -1 with errno. */
int pando_object_file_open_path(const char *path);

/* Copies `len_bytes` of the process's memory at `address`, which need not be mapped. 0 or PANDO_ERR_IO. */
int pando_object_memory_read(const struct pando_object_process *process, uint64_t address, void *bytes, size_t len_bytes);
/* The same of this process. */
int pando_own_memory_read(uint64_t address, void *bytes, size_t len_bytes);

#endif
