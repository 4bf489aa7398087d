/* Why: reads single sections of an ELF file into memory that the caller bounds: what libelf and libdw then see is a copy that
 * nobody can shorten or change, and holds nothing that is not needed (a debug file may have gigabytes).
 * Context: worker and own processes; one owner. Private to symbols/. Reads with pread only; the file may be hostile, cut, or
 * change meanwhile: all is bounded and checked. */
#ifndef PANDO_SYMBOLS_ELF_SECTIONS_H
#define PANDO_SYMBOLS_ELF_SECTIONS_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PANDO_BUILD_ID_MAX_BYTES = 32, PANDO_SECTION_NONE = 0 };

struct pando_build_id {
    uint8_t bytes[PANDO_BUILD_ID_MAX_BYTES];
    uint8_t len; /* 0: none */
};

struct pando_elf_sections {
    int fd;
    uint64_t file_bytes;
    Elf64_Ehdr header;
    Elf64_Shdr *items;
    uint32_t count;
    char *names;        /* ends in a NUL */
    size_t names_bytes;
};

/* Reads the headers of the file `fd` (the caller's, open as long as `sections` is used). Release in any case. 0 (perhaps without
 * any section); PANDO_ERR_SYNTAX: no ELF file of this machine; PANDO_ERR_IO, PANDO_ERR_LIMIT, PANDO_ERR_NO_MEMORY. */
int pando_elf_sections_read(int fd, struct pando_elf_sections *sections);
void pando_elf_sections_release(struct pando_elf_sections *sections);

const char *pando_elf_sections_name(const struct pando_elf_sections *sections, uint32_t number);
/* The first section of that name that has bytes in the file; PANDO_SECTION_NONE: there is none. */
uint32_t pando_elf_sections_find(const struct pando_elf_sections *sections, const char *name);

/* How many bytes the section has once it is decompressed. 0; PANDO_ERR_UNSUPPORTED: a compression that is not known;
 * PANDO_ERR_SYNTAX; PANDO_ERR_IO. */
int pando_elf_sections_size(const struct pando_elf_sections *sections, uint32_t number, uint64_t *ret_bytes);
/* Copies the section, decompressed, to `bytes`, which has room for as many as pando_elf_sections_size says: `len_bytes`.
 * 0, PANDO_ERR_IO (cut, or changed meanwhile), PANDO_ERR_SYNTAX, PANDO_ERR_NO_MEMORY. */
int pando_elf_sections_copy(const struct pando_elf_sections *sections, uint32_t number, void *bytes, size_t len_bytes);
/* The same into malloc'ed memory, one NUL behind; at most limit_bytes. Also PANDO_ERR_NOT_FOUND, PANDO_ERR_LIMIT. */
int pando_elf_sections_copy_named(const struct pando_elf_sections *sections, const char *name, size_t limit_bytes,
                                  char **ret_bytes, size_t *ret_len);

/* The file's build-id; len 0 when it has none. */
void pando_elf_sections_build_id(const struct pando_elf_sections *sections, struct pando_build_id *ret_id);
/* The same from notes in memory. False: there is none among them. */
bool pando_build_id_of_notes(const uint8_t *notes, size_t len_bytes, struct pando_build_id *ret_id);
bool pando_build_id_same(const struct pando_build_id *a, const struct pando_build_id *b);

#endif
