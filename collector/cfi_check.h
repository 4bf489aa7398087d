/* Why: libunwind 1.6.2 takes some of what it reads for granted: a return address column or a DW_CFA_register operand past its
 * tables is used as an index, a frame without a CFA ends in an assertion, INT64_MIN / -1 in an expression traps, and states are
 * remembered without a limit. So the raw bytes of each function's unwind information are looked through first, and what is not
 * plain is refused: that function has no rows. This is a check of form, not a second interpreter: what the rules mean is
 * libunwind's to say.
 * Context: worker. The bytes may be hostile; reads nothing outside of them, and each byte at most once a call. */
#ifndef PANDO_COLLECTOR_CFI_CHECK_H
#define PANDO_COLLECTOR_CFI_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A copy of .eh_frame, and the address that it was copied from. */
struct pando_cfi_bytes {
    const uint8_t *bytes;
    size_t len_bytes;
    uint64_t address;
};

/* What is known of a common information entry. The last one is kept: most functions of an object share one. */
struct pando_cfi_cie {
    uint64_t address;
    int error;            /* 0: good */
    uint8_t fde_encoding;
    bool is_sized;        /* entries have a length of augmentation data */
    bool has_cfa;         /* it gives the frame address a rule */
    bool is_known;
};

struct pando_cfi_function {
    uint64_t start, end;  /* addresses of the code [start, end) */
    size_t scanned_bytes; /* of unwind information: the cost of the check */
};

/* Looks through the frame description entry at `fde_address` and its CIE. 0; PANDO_ERR_NOT_FOUND: there is a CIE, or the end
 * mark; PANDO_ERR_SYNTAX: refused (scanned_bytes is set all the same). `cie` starts zeroed and is kept between calls. */
int pando_cfi_check(const struct pando_cfi_bytes *frame, uint64_t fde_address, struct pando_cfi_cie *cie,
                    struct pando_cfi_function *ret_function);

/* The address after the entry at `address`, to go through a section without a table; 0: that was the last one, or damaged. */
uint64_t pando_cfi_next(const struct pando_cfi_bytes *frame, uint64_t address);

#endif
