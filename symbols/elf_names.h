/* Why: what an ELF object says about its code: where its segments lie in the file, which functions it has, and, for
 * objects without symbols, where the unwind tables say that functions begin.
 * Context: worker; one owner. Private to symbols/. The object may be hostile, cut or changing: all is bounded and checked.
 * Reads with read calls only, never by a mapping of the file: a file that shrinks meanwhile must not raise SIGBUS. */
#ifndef PANDO_SYMBOLS_ELF_NAMES_H
#define PANDO_SYMBOLS_ELF_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pando_elf_names;

/* A part of what is known about an object: a file (the caller's, open during the call) or its bytes in memory. */
struct pando_elf_part {
    int fd;              /* used when image is NULL */
    char *image;
    size_t image_bytes;
};

/* Reads the object in parts[0] (its file, or e.g. a copy of the vdso), and the functions that further parts tell of it: a separate
 * debug file, mini debug information. Of those, what cannot be read is left out. What comes out uses at most limit_bytes; while
 * reading up to about 4 times that for each part. Returns 0 (perhaps without any function); PANDO_ERR_SYNTAX: no ELF object of
 * this machine; PANDO_ERR_LIMIT; PANDO_ERR_NO_MEMORY. */
int pando_elf_names_read(const struct pando_elf_part *parts, size_t part_count, size_t limit_bytes,
                         struct pando_elf_names **ret_names);
int pando_elf_names_read_file(int fd, size_t limit_bytes, struct pando_elf_names **ret_names);
int pando_elf_names_read_memory(char *image, size_t len_bytes, size_t limit_bytes, struct pando_elf_names **ret_names);
void pando_elf_names_free(struct pando_elf_names *names);
size_t pando_elf_names_bytes(const struct pando_elf_names *names);
size_t pando_elf_names_count(const struct pando_elf_names *names);
/* The function at an offset of the file, as shown; NULL when none is known. *ret_start_offset (also then): the offset in the
 * file where the function without a name begins, as far as the object tells, else file_offset.
 * Valid until the next call with these names. */
const char *pando_elf_names_find(struct pando_elf_names *names, uint64_t file_offset, uint64_t *ret_start_offset);
/* The ELF address of an offset of the file; false: no segment has it. */
bool pando_elf_names_address(const struct pando_elf_names *names, uint64_t file_offset, uint64_t *ret_address);
/* Whether an unwind table tells where functions begin. */
bool pando_elf_names_has_unwind(const struct pando_elf_names *names);

#endif
