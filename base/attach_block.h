/* Why: what `pando attach` writes into the process that it starts Pando in, and reads back: orders for the code that runs there first
 * (cli/attach_stub.c), for pando_attach_begin in libpando.so (agent/attach.c), and the answer. Both ends must agree on its form.
 * Context: plain data. docs/attach.md. */
#ifndef PANDO_BASE_ATTACH_BLOCK_H
#define PANDO_BASE_ATTACH_BLOCK_H

#include <stdint.h>

#define PANDO_ATTACH_ENTRY "pando_attach_begin"
#define PANDO_ATTACH_THREAD "pando-attach" /* the name of the thread that opens the library */

enum { PANDO_ATTACH_VERSION = 1, PANDO_ATTACH_PATH_BYTES = 1024, PANDO_ATTACH_SENTENCE_BYTES = 512 };

enum pando_attach_state {
    PANDO_ATTACH_WRITTEN = 0,
    PANDO_ATTACH_THREAD_RUNS,
    PANDO_ATTACH_LIBRARY_OPEN,
    PANDO_ATTACH_DONE,             /* error and sentence are valid */
};

struct pando_attach_block {
    uint32_t version;
    uint32_t state;                /* enum pando_attach_state; written by the process */
    int32_t error;                 /* of base/error.h */
    int32_t create_result;         /* of pthread_create; -1 as long as it is not known */
    uint32_t may_go;               /* the thread that made the new one has its signals again: Pando's first look at threads would
                                    * take it for one that blocks them. The new thread waits for it, but not for ever */
    uint64_t thread;               /* pthread_t */
    uint64_t area, area_bytes;     /* the mapping that this is in; libpando unmaps it when it stops */
    /* Where functions are in the process. */
    uint64_t dlopen, dlsym, dlerror, pthread_self, pthread_detach;
    /* Settings; 0 or "": from the process's environment, or the default. */
    uint32_t rate_hz, interval_s, wall_rate_hz, lease_s;
    char mode[8];
    char group[256];
    char entry[32];
    char library[PANDO_ATTACH_PATH_BYTES];
    char log[PANDO_ATTACH_PATH_BYTES / 2];
    char url[2048];
    char sentence[PANDO_ATTACH_SENTENCE_BYTES];
};

#endif
