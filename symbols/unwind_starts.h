/* Why: a stripped object has no names for its own functions, but its unwind table still tells where each one begins, so that
 * all samples of a function can be shown as one "[object+0x...]" instead of one an instruction.
 * Context: worker; one owner. Private to symbols/. The bytes may be hostile. */
#ifndef PANDO_SYMBOLS_UNWIND_STARTS_H
#define PANDO_SYMBOLS_UNWIND_STARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pando_unwind_starts {
    uint64_t base;
    uint32_t *offsets; /* from base, sorted */
    size_t count;
};

/* Reads the search table of an .eh_frame_hdr that lies at ELF address `address` (LSB core specification 10.6.2; the one
 * encoding that linkers write: count udata4, entries datarel|sdata4). Another form gives no starts.
 * Returns 0 or PANDO_ERR_NO_MEMORY. */
int pando_unwind_starts_read(const void *bytes, size_t len_bytes, uint64_t address, struct pando_unwind_starts *starts);
void pando_unwind_starts_release(struct pando_unwind_starts *starts);
size_t pando_unwind_starts_bytes(const struct pando_unwind_starts *starts);
/* The last start that is not after `address`; false when there is none. */
bool pando_unwind_starts_find(const struct pando_unwind_starts *starts, uint64_t address, uint64_t *ret_start);

#endif
