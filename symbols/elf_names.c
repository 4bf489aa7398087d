/* Why: symbols/elf_names.h. Context: worker. */
#include "symbols/elf_names.h"

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "symbols/function_table.h"
#include "symbols/unwind_starts.h"

enum {
    SEGMENTS_MAX = 64,
    PARTS_MAX = 4,
    SECTIONS_MAX = 65536,
    STT_GNU_INDIRECT = 10,
};

struct segment {
    uint64_t file_offset, address, size_bytes; /* of what is in the file */
    bool executable;
};

struct pando_elf_names {
    struct segment segments[SEGMENTS_MAX];
    uint32_t segment_count;
    struct pando_function_table *functions;
    struct pando_unwind_starts starts;
};

/* Where a symbol may lie. */
struct code_section {
    uint64_t start, end; /* both 0: not code */
};

struct reading {
    Elf *elf;
    size_t limit_bytes;
    struct code_section *sections;
    size_t section_count;
    struct pando_function_symbol *symbols;
    size_t count, capacity;
};

static void read_segments(struct reading *reading, struct pando_elf_names *names)
{
    size_t count;
    if (elf_getphdrnum(reading->elf, &count) != 0)
        return;
    for (size_t i = 0; i < count && i < SECTIONS_MAX && names->segment_count < SEGMENTS_MAX; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(reading->elf, (int)i, &header) == NULL)
            return;
        if (header.p_type == PT_LOAD && header.p_filesz != 0)
            names->segments[names->segment_count++] = (struct segment){
                .file_offset = header.p_offset, .address = header.p_vaddr, .size_bytes = header.p_filesz,
                .executable = (header.p_flags & PF_X) != 0};
    }
}

static int read_sections(struct reading *reading)
{
    size_t count;
    if (elf_getshdrnum(reading->elf, &count) != 0)
        return 0; /* no sections: no names */
    if (count > SECTIONS_MAX)
        return PANDO_ERR_LIMIT;
    reading->sections = calloc(count + 1, sizeof *reading->sections);
    if (reading->sections == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        GElf_Shdr header;
        Elf_Scn *section = elf_getscn(reading->elf, i);
        if (section == NULL || gelf_getshdr(section, &header) == NULL)
            break;
        if ((header.sh_flags & SHF_EXECINSTR) != 0 && header.sh_addr + header.sh_size > header.sh_addr)
            reading->sections[i] = (struct code_section){header.sh_addr, header.sh_addr + header.sh_size};
        reading->section_count = i + 1;
    }
    return 0;
}

static int reserve(struct reading *reading, size_t more)
{
    if (reading->capacity - reading->count >= more)
        return 0;
    size_t capacity = reading->count + more;
    if (capacity > 2 * reading->limit_bytes / sizeof *reading->symbols)
        return PANDO_ERR_LIMIT;
    struct pando_function_symbol *symbols = realloc(reading->symbols, capacity * sizeof *symbols);
    if (symbols == NULL)
        return PANDO_ERR_NO_MEMORY;
    reading->symbols = symbols;
    reading->capacity = capacity;
    return 0;
}

/* Go's linker calls the C code that it takes in "runtime/cgo(.text)", besides its functions' names. */
static bool names_a_section(const char *name)
{
    static const char end[] = "(.text)";
    size_t len = strlen(name);
    return len >= sizeof end - 1 && strcmp(name + len - (sizeof end - 1), end) == 0;
}

static bool is_wanted(const struct reading *reading, const GElf_Sym *symbol, const char *name)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    if (type != STT_FUNC && type != STT_GNU_INDIRECT && type != STT_NOTYPE)
        return false;
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= reading->section_count)
        return false;
    const struct code_section *section = &reading->sections[symbol->st_shndx];
    if (symbol->st_value < section->start || symbol->st_value >= section->end)
        return false;
    return name[0] != '\0' && name[0] != '$' && (name[0] != '.' || name[1] != 'L') && !names_a_section(name);
}

/* The part of a string table in which every string ends. */
static size_t usable_bytes(const Elf_Data *strings)
{
    if (strings == NULL || strings->d_buf == NULL)
        return 0;
    const char *last = memrchr(strings->d_buf, '\0', strings->d_size);
    return last == NULL ? 0 : (size_t)(last - (const char *)strings->d_buf) + 1;
}

/* Adds the functions of one symbol table. Its names live in the Elf until elf_end. */
static int read_symbol_table(struct reading *reading, Elf_Scn *section, const GElf_Shdr *header)
{
    GElf_Shdr string_header;
    Elf_Scn *string_section = elf_getscn(reading->elf, header->sh_link);
    if (string_section == NULL || gelf_getshdr(string_section, &string_header) == NULL ||
        string_header.sh_type != SHT_STRTAB || header->sh_entsize != sizeof(Elf64_Sym))
        return 0;
    if (header->sh_size > 2 * reading->limit_bytes || string_header.sh_size > 2 * reading->limit_bytes)
        return PANDO_ERR_LIMIT;
    Elf_Data *data = elf_getdata(section, NULL);
    Elf_Data *string_data = elf_getdata(string_section, NULL);
    size_t string_bytes = usable_bytes(string_data);
    if (data == NULL || data->d_buf == NULL || data->d_type != ELF_T_SYM || string_bytes == 0)
        return 0;
    const char *strings = string_data->d_buf;
    size_t count = data->d_size / sizeof(Elf64_Sym);
    int error = count <= INT32_MAX ? reserve(reading, count) : PANDO_ERR_LIMIT;
    if (error != 0)
        return error;
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL)
            break;
        if (symbol.st_name >= string_bytes || !is_wanted(reading, &symbol, strings + symbol.st_name))
            continue;
        uint64_t room = reading->sections[symbol.st_shndx].end - symbol.st_value;
        uint64_t size = symbol.st_size < room ? symbol.st_size : room;
        reading->symbols[reading->count++] = (struct pando_function_symbol){
            .start = symbol.st_value, .name = strings + symbol.st_name,
            .size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
            .room = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX,
            .is_function = GELF_ST_TYPE(symbol.st_info) != STT_NOTYPE,
            .is_local = GELF_ST_BIND(symbol.st_info) == STB_LOCAL};
    }
    return 0;
}

/* Both tables: .symtab has the local functions too, but a stripped library has .dynsym only, and some tools leave a
 * .symtab with a few symbols. What is in both is an alias and falls out later. */
static int read_symbols(struct reading *reading)
{
    for (size_t i = 1; i < reading->section_count; i++) {
        GElf_Shdr header;
        Elf_Scn *section = elf_getscn(reading->elf, i);
        if (section == NULL || gelf_getshdr(section, &header) == NULL)
            break;
        int error = 0;
        if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)
            error = read_symbol_table(reading, section, &header);
        else if (header.sh_type == SHT_PROGBITS || header.sh_type == SHT_X86_64_UNWIND)
            continue;
        if (error != 0)
            return error;
    }
    return 0;
}

static int read_unwind_starts(struct reading *reading, struct pando_elf_names *names)
{
    size_t count;
    if (elf_getphdrnum(reading->elf, &count) != 0)
        return 0;
    for (size_t i = 0; i < count && i < SECTIONS_MAX; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(reading->elf, (int)i, &header) == NULL)
            return 0;
        if (header.p_type != PT_GNU_EH_FRAME)
            continue;
        if (header.p_filesz > reading->limit_bytes || header.p_filesz > INT32_MAX)
            return PANDO_ERR_LIMIT;
        Elf_Data *data = elf_getdata_rawchunk(reading->elf, (int64_t)header.p_offset, header.p_filesz, ELF_T_BYTE);
        if (data == NULL || data->d_buf == NULL)
            return 0;
        return pando_unwind_starts_read(data->d_buf, data->d_size, header.p_vaddr, &names->starts);
    }
    return 0;
}

static bool is_of_this_machine(Elf *elf)
{
    GElf_Ehdr header;
    return elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64 && gelf_getehdr(elf, &header) != NULL &&
           header.e_machine == EM_X86_64 && header.e_ident[EI_DATA] == ELFDATA2LSB;
}

static Elf *open_part(const struct pando_elf_part *part)
{
    return part->image != NULL ? elf_memory(part->image, part->image_bytes) : elf_begin(part->fd, ELF_C_READ, NULL);
}

/* Adds the functions of one part; the first one tells where the segments are, too. */
static int read_part(struct reading *reading, Elf *elf, struct pando_elf_names *names)
{
    bool is_first = reading->elf == NULL;
    if (elf == NULL || !is_of_this_machine(elf))
        return PANDO_ERR_SYNTAX;
    reading->elf = elf;
    if (is_first)
        read_segments(reading, names);
    free(reading->sections);
    reading->sections = NULL;
    reading->section_count = 0;
    int error = read_sections(reading);
    if (error == 0)
        error = read_symbols(reading);
    return error == 0 && is_first ? read_unwind_starts(reading, names) : error;
}

/* The parts stay open until the table is made: names point into them. */
static int read_parts(Elf **elves, size_t count, size_t limit_bytes, struct pando_elf_names **ret_names)
{
    struct reading reading = {.limit_bytes = limit_bytes};
    struct pando_elf_names *names = calloc(1, sizeof *names);
    if (names == NULL)
        return PANDO_ERR_NO_MEMORY;
    int error = read_part(&reading, elves[0], names);
    for (size_t i = 1; i < count && error == 0; i++) {
        size_t before = reading.count;
        error = read_part(&reading, elves[i], names);
        if (error == PANDO_ERR_NO_MEMORY)
            break;
        reading.count = error == 0 ? reading.count : before;
        error = 0;
    }
    size_t fixed_bytes = sizeof *names + pando_unwind_starts_bytes(&names->starts);
    if (error == 0 && fixed_bytes > limit_bytes)
        error = PANDO_ERR_LIMIT;
    if (error == 0)
        error = pando_function_table_make(reading.symbols, reading.count, limit_bytes - fixed_bytes, &names->functions);
    free(reading.sections);
    free(reading.symbols);
    if (error != 0) {
        pando_elf_names_free(names);
        return error;
    }
    *ret_names = names;
    return 0;
}

int pando_elf_names_read(const struct pando_elf_part *parts, size_t part_count, size_t limit_bytes,
                         struct pando_elf_names **ret_names)
{
    Elf *elves[PARTS_MAX] = {NULL};
    if (part_count > PARTS_MAX || elf_version(EV_CURRENT) == EV_NONE)
        return PANDO_ERR_UNSUPPORTED;
    for (size_t i = 0; i < part_count; i++)
        elves[i] = open_part(&parts[i]);
    int error = read_parts(elves, part_count, limit_bytes, ret_names);
    for (size_t i = 0; i < part_count; i++)
        elf_end(elves[i]);
    return error;
}

int pando_elf_names_read_file(int fd, size_t limit_bytes, struct pando_elf_names **ret_names)
{
    return pando_elf_names_read(&(struct pando_elf_part){.fd = fd}, 1, limit_bytes, ret_names);
}

int pando_elf_names_read_memory(char *image, size_t len_bytes, size_t limit_bytes, struct pando_elf_names **ret_names)
{
    return pando_elf_names_read(&(struct pando_elf_part){.fd = -1, .image = image, .image_bytes = len_bytes}, 1, limit_bytes,
                                ret_names);
}

void pando_elf_names_free(struct pando_elf_names *names)
{
    if (names == NULL)
        return;
    pando_function_table_free(names->functions);
    pando_unwind_starts_release(&names->starts);
    free(names);
}

size_t pando_elf_names_bytes(const struct pando_elf_names *names)
{
    return sizeof *names + pando_unwind_starts_bytes(&names->starts) + pando_function_table_bytes(names->functions);
}

size_t pando_elf_names_count(const struct pando_elf_names *names)
{
    return pando_function_table_count(names->functions);
}

/* The segment with this byte of the file; two may share a page, then the code is in the executable one. */
static const struct segment *segment_of(const struct pando_elf_names *names, uint64_t file_offset)
{
    const struct segment *found = NULL;
    for (uint32_t i = 0; i < names->segment_count; i++) {
        const struct segment *segment = &names->segments[i];
        if (file_offset >= segment->file_offset && file_offset - segment->file_offset < segment->size_bytes &&
            (found == NULL || segment->executable))
            found = segment;
    }
    return found;
}

bool pando_elf_names_address(const struct pando_elf_names *names, uint64_t file_offset, uint64_t *ret_address)
{
    const struct segment *segment = segment_of(names, file_offset);
    if (segment == NULL)
        return false;
    *ret_address = file_offset - segment->file_offset + segment->address;
    return true;
}

bool pando_elf_names_has_unwind(const struct pando_elf_names *names)
{
    return names->starts.count != 0;
}

const char *pando_elf_names_find(struct pando_elf_names *names, uint64_t file_offset, uint64_t *ret_start_offset)
{
    *ret_start_offset = file_offset;
    const struct segment *segment = segment_of(names, file_offset);
    if (segment == NULL)
        return NULL;
    uint64_t address = file_offset - segment->file_offset + segment->address;
    const char *name = pando_function_table_find(names->functions, address);
    uint64_t start, open_start;
    /* A label of a stripped object must not give its name to the local functions behind it: they begin in the unwind table. */
    if (name != NULL && pando_function_table_reaches(names->functions, address, &open_start) &&
        pando_unwind_starts_find(&names->starts, address, &start) && start > open_start)
        name = NULL;
    if (name == NULL && pando_unwind_starts_find(&names->starts, address, &start) && start >= segment->address)
        *ret_start_offset = start - segment->address + segment->file_offset;
    return name;
}
