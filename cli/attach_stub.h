/* Why: the code that `pando attach` writes into a process. Position-independent, calls nothing by name.
 * Context: not called in this process: only copied. cli/attach_stub.c. */
#ifndef PANDO_CLI_ATTACH_STUB_H
#define PANDO_CLI_ATTACH_STUB_H

#include <stddef.h>

#include "base/attach_block.h"

/* All of it, from the first byte to behind the last: the linker's names for the section. */
extern const char __start_pando_stub[], __stop_pando_stub[];
/* In it: the start function of the thread that opens the library, and where pthread_create returns to: it writes its result into the
 * block, whose address is in rbx, and goes back to what was interrupted (rt_sigreturn). */
extern const char pando_attach_stub_thread[], pando_attach_stub_return[];

#endif
