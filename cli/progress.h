/* Why: work that takes a while says so: one line on the terminal, half a second after it has begun, wiped out when it ends. What goes into
 * files and pipes never has it.
 * Context: own process. One piece of work at a time, of one thread (`count` any); a thread of its own draws, with all signals blocked. */
#ifndef PANDO_CLI_PROGRESS_H
#define PANDO_CLI_PROGRESS_H

#include <stdint.h>

/* Not from now on: with --json, and where the terminal is drawn on otherwise. */
void pando_progress_forbid(void);
/* Begins, or tells what is done now. Nothing happens unless stderr is a terminal (none that is "dumb") and NO_COLOR is not set. */
void pando_progress_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* How much of it is done, in bytes; `all` 0: nobody knows. */
void pando_progress_count(uint64_t done_bytes, uint64_t all_bytes);
/* Ends: the line is gone when it returns. Complaints do so, too. Without a beginning: nothing. */
void pando_progress_end(void);

#endif
