/* Why: symbols/debug_image.h. Context: as there. */
#include "symbols/debug_image.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"

enum { ALIGNMENT = 16, PACKED_WORK = 3 /* times as long as what is not packed: docs/symbols.md */ };

static const char *const wanted[] = {
    ".debug_info",   ".debug_abbrev", ".debug_line",     ".debug_line_str", ".debug_str",  ".debug_str_offsets",
    ".debug_addr",   ".debug_ranges", ".debug_rnglists", ".debug_types",
};
enum {
    LINES = 2,
    WANTED = sizeof wanted / sizeof wanted[0],
    SECTIONS = WANTED + 2, /* the empty first one, and the one with the names */
    NAMES_BYTES = 512,
};

struct part {
    uint32_t number;  /* in the file; PANDO_SECTION_NONE: not there */
    uint64_t bytes;
};

/* As ".debug_x", or in the old compressed form ".zdebug_x". */
static uint32_t find(const struct pando_elf_sections *sections, const char *name)
{
    char old[32] = ".z";
    uint32_t number = pando_elf_sections_find(sections, name);
    strcpy(old + 2, name + 1);
    return number != PANDO_SECTION_NONE ? number : pando_elf_sections_find(sections, old);
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

static int plan(const struct pando_elf_sections *sections, struct part parts[WANTED], uint64_t *ret_bytes)
{
    uint64_t total = aligned(sizeof(Elf64_Ehdr)) + SECTIONS * sizeof(Elf64_Shdr) + NAMES_BYTES;
    for (size_t i = 0; i < WANTED; i++) {
        parts[i] = (struct part){.number = find(sections, wanted[i])};
        if (parts[i].number == PANDO_SECTION_NONE)
            continue;
        int error = pando_elf_sections_size(sections, parts[i].number, &parts[i].bytes);
        if (error != 0)
            return error;
        if (parts[i].bytes > SIZE_MAX / 2 - total)
            return PANDO_ERR_LIMIT;
        total += aligned(parts[i].bytes + 1);
    }
    *ret_bytes = total;
    return parts[0].number == PANDO_SECTION_NONE || parts[1].number == PANDO_SECTION_NONE ? PANDO_ERR_NOT_FOUND : 0;
}

bool pando_debug_image_measure(const struct pando_elf_sections *sections, size_t *ret_work_bytes)
{
    struct part parts[WANTED];
    uint64_t bytes = 0;
    int error = plan(sections, parts, &bytes);
    *ret_work_bytes = error == 0 ? bytes : SIZE_MAX;
    for (size_t i = 0; i < WANTED && error == 0; i++)
        if (parts[i].number != PANDO_SECTION_NONE && parts[i].bytes != sections->items[parts[i].number].sh_size)
            *ret_work_bytes += parts[i].bytes * (PACKED_WORK - 1);
    return error != PANDO_ERR_NOT_FOUND;
}

/* Copies the sections and writes the headers around them. */
static int fill(const struct pando_elf_sections *sections, const struct part parts[WANTED], struct pando_debug_image *image)
{
    char *bytes = image->bytes;
    Elf64_Ehdr header = sections->header;
    Elf64_Shdr headers[SECTIONS] = {0};
    uint64_t at = aligned(sizeof header), name = 1, header_count = 1;
    char *names = bytes + at;
    uint64_t names_at = at;
    at += NAMES_BYTES;
    for (size_t i = 0; i < WANTED; i++) {
        if (parts[i].number == PANDO_SECTION_NONE)
            continue;
        int error = pando_elf_sections_copy(sections, parts[i].number, bytes + at, parts[i].bytes);
        if (error != 0)
            return error;
        headers[header_count++] = (Elf64_Shdr){.sh_name = (Elf64_Word)name, .sh_type = SHT_PROGBITS, .sh_offset = at,
                                               .sh_size = parts[i].bytes, .sh_addralign = 1};
        if (i == LINES) {
            image->lines_at = at;
            image->lines_bytes = parts[i].bytes;
        }
        strcpy(names + name, wanted[i]);
        name += strlen(wanted[i]) + 1;
        at += aligned(parts[i].bytes + 1); /* a NUL behind each: the memory is zero */
    }
    headers[header_count] = (Elf64_Shdr){.sh_name = (Elf64_Word)name, .sh_type = SHT_STRTAB, .sh_offset = names_at,
                                         .sh_size = NAMES_BYTES, .sh_addralign = 1};
    strcpy(names + name, ".shstrtab");
    header.e_phoff = header.e_phnum = header.e_phentsize = 0;
    header.e_ehsize = sizeof header;
    header.e_shoff = at;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = (Elf64_Half)(header_count + 1);
    header.e_shstrndx = (Elf64_Half)header_count;
    header.e_type = ET_DYN;
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + at, headers, (header_count + 1) * sizeof headers[0]);
    return 0;
}

int pando_debug_image_read(const struct pando_elf_sections *sections, size_t limit_bytes, struct pando_debug_image *ret_image)
{
    struct part parts[WANTED];
    uint64_t len = 0;
    *ret_image = (struct pando_debug_image){0};
    int error = plan(sections, parts, &len);
    if (error != 0)
        return error;
    if (len > limit_bytes)
        return PANDO_ERR_LIMIT;
    char *bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED)
        return PANDO_ERR_NO_MEMORY;
    *ret_image = (struct pando_debug_image){.bytes = bytes, .len_bytes = len};
    error = fill(sections, parts, ret_image);
    if (error != 0)
        pando_debug_image_release(ret_image);
    return error;
}

uint64_t pando_debug_image_unit_bytes(const struct pando_debug_image *image, uint64_t offset)
{
    uint32_t small;
    uint64_t large;
    if (offset > image->lines_bytes || image->lines_bytes - offset < sizeof small + sizeof large)
        return UINT64_MAX;
    memcpy(&small, image->bytes + image->lines_at + offset, sizeof small);
    memcpy(&large, image->bytes + image->lines_at + offset + sizeof small, sizeof large);
    return small != UINT32_MAX ? small : large;
}

void pando_debug_image_release(struct pando_debug_image *image)
{
    if (image->bytes != NULL)
        munmap(image->bytes, image->len_bytes);
    *image = (struct pando_debug_image){0};
}
