/* Why: a private copy of one object's unwind information, and the list of functions that it describes, so that nothing that is
 * looked at can be unmapped or truncated meanwhile.
 * Context: worker. Private to collector/. What is copied may be hostile. */
#ifndef PANDO_COLLECTOR_UNWIND_IMAGE_H
#define PANDO_COLLECTOR_UNWIND_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "collector/cfi_check.h"

enum {
    PANDO_IMAGE_FRAME_BYTES_MAX = 64 << 20, /* of .eh_frame */
    PANDO_IMAGE_FUNCTIONS_MAX = 4 << 20,
    PANDO_IMAGE_SEGMENTS_MAX = 128,
};

struct pando_image_function {
    uint32_t start;  /* from code_start */
    uint32_t entry;  /* of its unwind information: from frame.address */
};

struct pando_unwind_image {
    uint64_t header;               /* address of .eh_frame_hdr */
    uint64_t code_start, code_end; /* addresses of all executable segments */
    struct pando_cfi_bytes frame;  /* malloc'ed; zeroes for a word follow the end */
    struct pando_image_function *functions; /* sorted by start, no two with the same */
    uint32_t function_count;
};

/* One executable segment of an ELF image in memory, as code_map needs it. */
struct pando_image_segment {
    uint64_t vaddr, file_offset, file_bytes, memory_bytes;
    uint32_t flags;
};

struct pando_image_headers {
    uint64_t first_vaddr;          /* of the segment that has file offset 0, page aligned: bias = header_address - first_vaddr */
    uint64_t unwind_vaddr, unwind_bytes; /* .eh_frame_hdr; 0 bytes: none */
    uint32_t load_count;
    struct pando_image_segment loads[PANDO_IMAGE_SEGMENTS_MAX];
};

/* Reads the ELF header and the program headers of an image whose header is mapped at `header_address`. 0, PANDO_ERR_IO (not
 * readable), PANDO_ERR_SYNTAX (not a 64-bit x86 object, damaged, or too many segments). */
int pando_image_read_headers(uint64_t header_address, struct pando_image_headers *ret_headers);

/* Copies and sorts. Errors as pando_row_builder_build. Release also after an error. */
int pando_unwind_image_read(struct pando_unwind_image *image, uint64_t header_address, uint64_t bias);
void pando_unwind_image_release(struct pando_unwind_image *image);

/* A number that is the same for images with the same headers and function tables, else very likely not: tells whether an
 * object that looks the same in the map is the same. 0: not readable. */
uint64_t pando_image_fingerprint(uint64_t header_address, uint64_t bias);

#endif
