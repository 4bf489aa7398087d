/* Why: symbols/thread_memory.h. Context: as there. */
#include "symbols/thread_memory.h"

#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"

enum { ROOM_BYTES = 64 * 1024 }; /* many times what the loader asks for */

int pando_symbols_enter_thread(void)
{
    volatile char *room = malloc(ROOM_BYTES);
    if (room == NULL)
        return PANDO_ERR_NO_MEMORY;
    room[0] = 1;
    free((void *)(uintptr_t)room);
    elf_errno();
    dwarf_errno();
    return 0;
}
