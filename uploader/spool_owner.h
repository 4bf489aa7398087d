/* Why: whose a file of the spool is: a process that may be gone, and whose number may be another's by now.
 * Context: worker. Private to uploader/spool*.c. */
#ifndef PANDO_UPLOADER_SPOOL_OWNER_H
#define PANDO_UPLOADER_SPOOL_OWNER_H

#include <stdint.h>

/* When a process began, in the kernel's ticks since boot: with the pid it names one process for good. 0: there is none. */
uint64_t pando_spool_start_of(uint32_t pid);
/* The same out of the text of /proc/PID/stat. Pure. */
uint64_t pando_spool_start_of_text(const char *text);

#endif
