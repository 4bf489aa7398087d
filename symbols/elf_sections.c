/* Why: symbols/elf_sections.h. Context: as there. */
#include "symbols/elf_sections.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"

enum {
    SECTIONS_MAX = 65536,
    SEGMENTS_MAX = 128,
    NAMES_MAX_BYTES = 4 << 20,
    NOTES_MAX_BYTES = 64 << 10,
    CHUNK_BYTES = 64 << 10,
    GNU_ZLIB_HEADER_BYTES = 12,      /* "ZLIB", then the size in big endian: the form before SHF_COMPRESSED */
    EXPANSION_MAX = 1100,            /* deflate cannot do more: a header that promises more is a lie */
};

static int read_at(int fd, uint64_t offset, void *bytes, size_t len_bytes)
{
    char *to = bytes;
    while (len_bytes != 0) {
        ssize_t got = offset <= INT64_MAX ? pread(fd, to, len_bytes, (off_t)offset) : -1;
        if (got <= 0)
            return PANDO_ERR_IO;
        to += got;
        offset += (uint64_t)got;
        len_bytes -= (size_t)got;
    }
    return 0;
}

static bool is_in_file(const struct pando_elf_sections *sections, uint64_t offset, uint64_t len_bytes)
{
    return offset <= sections->file_bytes && len_bytes <= sections->file_bytes - offset;
}

static int read_section_headers(struct pando_elf_sections *sections)
{
    const Elf64_Ehdr *header = &sections->header;
    Elf64_Shdr first;
    if (header->e_shoff == 0 || header->e_shentsize != sizeof first || !is_in_file(sections, header->e_shoff, sizeof first))
        return 0;
    int error = read_at(sections->fd, header->e_shoff, &first, sizeof first);
    if (error != 0)
        return error;
    uint64_t count = header->e_shnum != 0 ? header->e_shnum : first.sh_size;
    uint32_t names = header->e_shstrndx != SHN_XINDEX ? header->e_shstrndx : first.sh_link;
    if (count > SECTIONS_MAX)
        return PANDO_ERR_LIMIT;
    if (!is_in_file(sections, header->e_shoff, count * sizeof first))
        return PANDO_ERR_IO;
    sections->items = malloc(count * sizeof first + 1);
    if (sections->items == NULL)
        return PANDO_ERR_NO_MEMORY;
    error = read_at(sections->fd, header->e_shoff, sections->items, count * sizeof first);
    if (error != 0)
        return error;
    sections->count = (uint32_t)count;
    if (names >= count)
        return 0;
    const Elf64_Shdr *table = &sections->items[names];
    if (table->sh_size > NAMES_MAX_BYTES)
        return PANDO_ERR_LIMIT;
    if (table->sh_type == SHT_NOBITS || !is_in_file(sections, table->sh_offset, table->sh_size))
        return 0;
    sections->names = calloc(1, table->sh_size + 1);
    if (sections->names == NULL)
        return PANDO_ERR_NO_MEMORY;
    sections->names_bytes = table->sh_size;
    return read_at(sections->fd, table->sh_offset, sections->names, table->sh_size);
}

int pando_elf_sections_read(int fd, struct pando_elf_sections *sections)
{
    *sections = (struct pando_elf_sections){.fd = fd};
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size < 0)
        return PANDO_ERR_IO;
    sections->file_bytes = (uint64_t)status.st_size;
    if (!is_in_file(sections, 0, sizeof sections->header))
        return PANDO_ERR_SYNTAX;
    int error = read_at(fd, 0, &sections->header, sizeof sections->header);
    if (error != 0)
        return error;
    const Elf64_Ehdr *header = &sections->header;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_machine != EM_X86_64)
        return PANDO_ERR_SYNTAX;
    return read_section_headers(sections);
}

void pando_elf_sections_release(struct pando_elf_sections *sections)
{
    free(sections->items);
    free(sections->names);
    *sections = (struct pando_elf_sections){.fd = -1};
}

const char *pando_elf_sections_name(const struct pando_elf_sections *sections, uint32_t number)
{
    uint32_t name = sections->items[number].sh_name;
    return name < sections->names_bytes ? sections->names + name : "";
}

uint32_t pando_elf_sections_find(const struct pando_elf_sections *sections, const char *name)
{
    for (uint32_t i = 1; i < sections->count; i++)
        if (sections->items[i].sh_type != SHT_NOBITS && sections->items[i].sh_size != 0 &&
            strcmp(pando_elf_sections_name(sections, i), name) == 0)
            return i;
    return PANDO_SECTION_NONE;
}

/* How a section is compressed, and where its stream begins. */
struct packing {
    uint64_t size_bytes;   /* unpacked */
    uint64_t header_bytes; /* before the stream; 0: not compressed */
};

static int read_packing(const struct pando_elf_sections *sections, uint32_t number, struct packing *ret)
{
    const Elf64_Shdr *section = &sections->items[number];
    *ret = (struct packing){.size_bytes = section->sh_size};
    if (!is_in_file(sections, section->sh_offset, section->sh_size))
        return PANDO_ERR_SYNTAX;
    bool is_old = strncmp(pando_elf_sections_name(sections, number), ".zdebug_", 8) == 0;
    if ((section->sh_flags & SHF_COMPRESSED) != 0) {
        Elf64_Chdr packed;
        if (section->sh_size < sizeof packed)
            return PANDO_ERR_SYNTAX;
        int error = read_at(sections->fd, section->sh_offset, &packed, sizeof packed);
        if (error != 0)
            return error;
        if (packed.ch_type != ELFCOMPRESS_ZLIB)
            return PANDO_ERR_UNSUPPORTED;
        *ret = (struct packing){.size_bytes = packed.ch_size, .header_bytes = sizeof packed};
    } else if (is_old && section->sh_size >= GNU_ZLIB_HEADER_BYTES) {
        uint8_t header[GNU_ZLIB_HEADER_BYTES];
        int error = read_at(sections->fd, section->sh_offset, header, sizeof header);
        if (error != 0)
            return error;
        if (memcmp(header, "ZLIB", 4) != 0)
            return 0;
        uint64_t size = 0;
        for (int i = 4; i < GNU_ZLIB_HEADER_BYTES; i++)
            size = size << 8 | header[i];
        *ret = (struct packing){.size_bytes = size, .header_bytes = sizeof header};
    }
    if (ret->header_bytes != 0 && ret->size_bytes / EXPANSION_MAX > section->sh_size)
        return PANDO_ERR_SYNTAX;
    return 0;
}

int pando_elf_sections_size(const struct pando_elf_sections *sections, uint32_t number, uint64_t *ret_bytes)
{
    struct packing packing;
    int error = read_packing(sections, number, &packing);
    if (error == 0)
        *ret_bytes = packing.size_bytes;
    return error;
}

/* Reads the stream piece by piece, so that only the result is in memory as a whole. */
static int inflate_section(int fd, uint64_t offset, uint64_t packed_bytes, void *bytes, size_t len_bytes)
{
    uint8_t *chunk = malloc(CHUNK_BYTES);
    z_stream stream = {.next_out = bytes};
    if (chunk == NULL || inflateInit(&stream) != Z_OK) {
        free(chunk);
        return PANDO_ERR_NO_MEMORY;
    }
    size_t left = len_bytes;
    int error = 0, state = Z_OK;
    while (error == 0 && state == Z_OK) {
        if (stream.avail_in == 0 && packed_bytes != 0) {
            size_t part = packed_bytes < CHUNK_BYTES ? (size_t)packed_bytes : CHUNK_BYTES;
            error = read_at(fd, offset, chunk, part);
            stream.next_in = chunk;
            stream.avail_in = (uInt)part;
            offset += part;
            packed_bytes -= part;
        }
        uInt room = left < UINT32_MAX ? (uInt)left : UINT32_MAX;
        stream.avail_out = room;
        if (error == 0)
            state = inflate(&stream, Z_NO_FLUSH);
        left -= room - stream.avail_out;
        if (state == Z_STREAM_END && left != 0 && stream.avail_in != 0)
            state = inflateReset(&stream); /* linkers that put several streams one after the other */
    }
    inflateEnd(&stream);
    free(chunk);
    if (error == 0 && state == Z_MEM_ERROR)
        error = PANDO_ERR_NO_MEMORY;
    return error != 0 ? error : left != 0 ? PANDO_ERR_SYNTAX : 0;
}

int pando_elf_sections_copy(const struct pando_elf_sections *sections, uint32_t number, void *bytes, size_t len_bytes)
{
    const Elf64_Shdr *section = &sections->items[number];
    struct packing packing;
    int error = read_packing(sections, number, &packing);
    if (error != 0)
        return error;
    if (packing.size_bytes != len_bytes)
        return PANDO_ERR_IO; /* it has changed since its size was asked for */
    if (packing.header_bytes == 0)
        return read_at(sections->fd, section->sh_offset, bytes, len_bytes);
    return inflate_section(sections->fd, section->sh_offset + packing.header_bytes, section->sh_size - packing.header_bytes,
                           bytes, len_bytes);
}

int pando_elf_sections_copy_named(const struct pando_elf_sections *sections, const char *name, size_t limit_bytes,
                                  char **ret_bytes, size_t *ret_len)
{
    uint32_t number = pando_elf_sections_find(sections, name);
    uint64_t size;
    if (number == PANDO_SECTION_NONE)
        return PANDO_ERR_NOT_FOUND;
    int error = pando_elf_sections_size(sections, number, &size);
    if (error != 0)
        return error;
    if (size > limit_bytes)
        return PANDO_ERR_LIMIT;
    char *bytes = malloc(size + 1);
    if (bytes == NULL)
        return PANDO_ERR_NO_MEMORY;
    error = pando_elf_sections_copy(sections, number, bytes, size);
    if (error != 0) {
        free(bytes);
        return error;
    }
    bytes[size] = '\0';
    *ret_bytes = bytes;
    *ret_len = size;
    return 0;
}

bool pando_build_id_of_notes(const uint8_t *notes, size_t len_bytes, struct pando_build_id *ret_id)
{
    size_t at = 0;
    Elf64_Nhdr note;
    while (len_bytes - at >= sizeof note) {
        memcpy(&note, notes + at, sizeof note);
        size_t name = at + sizeof note;
        uint64_t name_bytes = ((uint64_t)note.n_namesz + 3) & ~UINT64_C(3);
        uint64_t id_bytes = ((uint64_t)note.n_descsz + 3) & ~UINT64_C(3);
        if (name_bytes > len_bytes - name || id_bytes > len_bytes - name - name_bytes)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
            memcmp(notes + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0 && note.n_descsz != 0 &&
            note.n_descsz <= PANDO_BUILD_ID_MAX_BYTES) {
            memcpy(ret_id->bytes, notes + name + name_bytes, note.n_descsz);
            ret_id->len = (uint8_t)note.n_descsz;
            return true;
        }
        at = name + (size_t)(name_bytes + id_bytes);
    }
    return false;
}

static bool find_in_file(const struct pando_elf_sections *sections, uint64_t offset, uint64_t len_bytes,
                         struct pando_build_id *ret_id)
{
    if (len_bytes > NOTES_MAX_BYTES || !is_in_file(sections, offset, len_bytes))
        return false;
    uint8_t *notes = malloc(len_bytes + 1);
    bool found = notes != NULL && read_at(sections->fd, offset, notes, len_bytes) == 0 &&
                 pando_build_id_of_notes(notes, len_bytes, ret_id);
    free(notes);
    return found;
}

void pando_elf_sections_build_id(const struct pando_elf_sections *sections, struct pando_build_id *ret_id)
{
    *ret_id = (struct pando_build_id){0};
    for (uint32_t i = 1; i < sections->count; i++)
        if (sections->items[i].sh_type == SHT_NOTE &&
            find_in_file(sections, sections->items[i].sh_offset, sections->items[i].sh_size, ret_id))
            return;
    const Elf64_Ehdr *header = &sections->header;
    for (uint32_t i = 0; i < header->e_phnum && i < SEGMENTS_MAX && header->e_phentsize == sizeof(Elf64_Phdr); i++) {
        Elf64_Phdr segment;
        uint64_t offset = header->e_phoff + i * sizeof segment;
        if (!is_in_file(sections, offset, sizeof segment) || read_at(sections->fd, offset, &segment, sizeof segment) != 0)
            return;
        if (segment.p_type == PT_NOTE && find_in_file(sections, segment.p_offset, segment.p_filesz, ret_id))
            return;
    }
}

bool pando_build_id_same(const struct pando_build_id *a, const struct pando_build_id *b)
{
    return a->len != 0 && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}
