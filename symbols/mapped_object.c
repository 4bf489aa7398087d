/* Why: symbols/mapped_object.h. Context: as there. */
#include "symbols/mapped_object.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum {
    SEGMENTS_MAX = 32,
    DYNAMIC_MAX = 512,           /* entries */
    NOTES_MAX_BYTES = 16 << 10,
    BUCKETS_MAX = 1 << 20,
    CHAIN_MAX = 1 << 16,         /* symbols in the last bucket */
    SECTIONS = 5,                /* none, code, symbols, their names, names of sections */
    ALIGNMENT = 16,
};
static const char section_names[] = "\0.text\0.dynsym\0.dynstr\0.shstrtab";

struct copy {
    const struct pando_object_process *process;
    uint64_t bias;               /* address - bias = ELF address */
    Elf64_Ehdr header;
    Elf64_Phdr segments[SEGMENTS_MAX];
    const Elf64_Phdr *code;
    uint64_t symbols, names, names_bytes, hash; /* addresses, and a size */
    uint32_t symbol_count;
};

static int read_memory(const struct copy *copy, uint64_t address, void *bytes, size_t len_bytes)
{
    return pando_object_memory_read(copy->process, address, bytes, len_bytes);
}

/* Linkers give code the same distance from the object's beginning in the file and in memory. */
static int read_headers(struct copy *copy, const struct pando_mapping *mapping)
{
    if (mapping->gone_since != 0 || mapping->start < mapping->file_offset)
        return PANDO_ERR_NOT_FOUND;
    uint64_t base = mapping->start - mapping->file_offset;
    Elf64_Ehdr *header = &copy->header;
    if (read_memory(copy, base, header, sizeof *header) != 0 || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
        return PANDO_ERR_NOT_FOUND;
    if (header->e_phnum > SEGMENTS_MAX || header->e_phentsize != sizeof copy->segments[0] || header->e_phoff > UINT16_MAX)
        return PANDO_ERR_SYNTAX;
    int error = read_memory(copy, base + header->e_phoff, copy->segments, header->e_phnum * sizeof copy->segments[0]);
    bool has_beginning = false;
    for (unsigned i = 0; error == 0 && i < header->e_phnum; i++) {
        const Elf64_Phdr *segment = &copy->segments[i];
        if (segment->p_type != PT_LOAD)
            continue;
        if (segment->p_offset == 0) {
            copy->bias = base - segment->p_vaddr;
            has_beginning = true;
        }
        if ((segment->p_flags & PF_X) != 0 && mapping->file_offset < segment->p_offset + segment->p_filesz &&
            mapping->file_offset + (mapping->end - mapping->start) > segment->p_offset)
            copy->code = segment;
    }
    if (error != 0)
        return error;
    return has_beginning && copy->code != NULL && copy->code->p_vaddr - copy->code->p_offset == base - copy->bias
               ? 0 : PANDO_ERR_NOT_FOUND;
}

static const Elf64_Phdr *segment_of(const struct copy *copy, uint32_t type)
{
    for (unsigned i = 0; i < copy->header.e_phnum; i++)
        if (copy->segments[i].p_type == type)
            return &copy->segments[i];
    return NULL;
}

/* The loader turns ELF addresses there into addresses, but not in every object. */
static uint64_t address_of(const struct copy *copy, uint64_t value)
{
    return value >= copy->bias ? value : value + copy->bias;
}

static int read_dynamic(struct copy *copy)
{
    const Elf64_Phdr *segment = segment_of(copy, PT_DYNAMIC);
    Elf64_Dyn entries[DYNAMIC_MAX];
    size_t count = segment != NULL ? segment->p_memsz / sizeof entries[0] : 0;
    count = count < DYNAMIC_MAX ? count : DYNAMIC_MAX;
    if (count == 0)
        return PANDO_ERR_NOT_FOUND;
    int error = read_memory(copy, copy->bias + segment->p_vaddr, entries, count * sizeof entries[0]);
    for (size_t i = 0; error == 0 && i < count && entries[i].d_tag != DT_NULL; i++) {
        uint64_t value = entries[i].d_un.d_val;
        switch (entries[i].d_tag) {
        case DT_SYMTAB: copy->symbols = address_of(copy, value); break;
        case DT_STRTAB: copy->names = address_of(copy, value); break;
        case DT_GNU_HASH: copy->hash = address_of(copy, value); break;
        case DT_STRSZ: copy->names_bytes = value; break;
        default: break;
        }
    }
    if (error == 0 && (copy->symbols == 0 || copy->names == 0 || copy->hash == 0 || copy->names_bytes == 0))
        error = PANDO_ERR_NOT_FOUND;
    return error;
}

/* How many symbols there are is not told: the last one is the last of the chain that begins last. */
static int count_symbols(struct copy *copy)
{
    struct {
        uint32_t buckets, first, bloom_words, bloom_shift;
    } head;
    int error = read_memory(copy, copy->hash, &head, sizeof head);
    if (error != 0)
        return error;
    if (head.buckets == 0 || head.buckets > BUCKETS_MAX || head.bloom_words > BUCKETS_MAX)
        return PANDO_ERR_SYNTAX;
    uint64_t at = copy->hash + sizeof head + head.bloom_words * sizeof(uint64_t);
    uint32_t *buckets = malloc(head.buckets * sizeof *buckets), last = 0;
    if (buckets == NULL)
        return PANDO_ERR_NO_MEMORY;
    error = read_memory(copy, at, buckets, head.buckets * sizeof *buckets);
    for (uint32_t i = 0; error == 0 && i < head.buckets; i++)
        last = buckets[i] > last ? buckets[i] : last;
    free(buckets);
    if (error == 0 && last < head.first)
        error = PANDO_ERR_NOT_FOUND;
    uint64_t chain = at + head.buckets * sizeof(uint32_t);
    for (uint32_t i = 0, hash = 0; error == 0 && (hash & 1) == 0; i++, last++) {
        error = read_memory(copy, chain + (uint64_t)(last - head.first) * sizeof hash, &hash, sizeof hash);
        if (i == CHAIN_MAX)
            error = PANDO_ERR_SYNTAX;
    }
    copy->symbol_count = last;
    return error;
}

static void read_build_id(const struct copy *copy, struct pando_build_id *ret_id)
{
    uint8_t notes[NOTES_MAX_BYTES];
    for (unsigned i = 0; i < copy->header.e_phnum && ret_id->len == 0; i++) {
        const Elf64_Phdr *segment = &copy->segments[i];
        if (segment->p_type == PT_NOTE && segment->p_filesz <= sizeof notes &&
            read_memory(copy, copy->bias + segment->p_vaddr, notes, segment->p_filesz) == 0)
            pando_build_id_of_notes(notes, segment->p_filesz, ret_id);
    }
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Where in the image what lies. */
struct layout {
    size_t segments, sections, section_names, symbols, names, unwind, end;
    size_t unwind_bytes;
};

static struct layout plan(const struct copy *copy)
{
    struct layout at = {.segments = aligned(sizeof copy->header)};
    const Elf64_Phdr *unwind = segment_of(copy, PT_GNU_EH_FRAME);
    at.unwind_bytes = unwind != NULL ? unwind->p_filesz : 0;
    at.sections = at.segments + aligned(copy->header.e_phnum * sizeof(Elf64_Phdr));
    at.section_names = at.sections + SECTIONS * sizeof(Elf64_Shdr);
    at.symbols = at.section_names + aligned(sizeof section_names);
    at.names = at.symbols + aligned(copy->symbol_count * sizeof(Elf64_Sym));
    at.unwind = at.names + aligned(copy->names_bytes);
    at.end = at.unwind + aligned(at.unwind_bytes);
    return at;
}

static int fill(struct copy *copy, const struct layout *at, char *image)
{
    Elf64_Sym *symbols = (Elf64_Sym *)(image + at->symbols);
    int error = read_memory(copy, copy->symbols, symbols, copy->symbol_count * sizeof *symbols);
    if (error == 0)
        error = read_memory(copy, copy->names, image + at->names, copy->names_bytes);
    for (unsigned i = 0; i < copy->header.e_phnum && error == 0; i++) {
        Elf64_Phdr *segment = &copy->segments[i];
        if (segment->p_type != PT_GNU_EH_FRAME || at->unwind_bytes == 0)
            continue;
        error = read_memory(copy, copy->bias + segment->p_vaddr, image + at->unwind, at->unwind_bytes);
        segment->p_offset = at->unwind;
    }
    for (uint32_t i = 0; i < copy->symbol_count && error == 0; i++) {
        bool is_code = symbols[i].st_shndx != SHN_UNDEF && symbols[i].st_value - copy->code->p_vaddr < copy->code->p_memsz;
        symbols[i].st_shndx = is_code ? 1 : SHN_UNDEF;
    }
    const Elf64_Shdr sections[SECTIONS] = {
        {0},
        {.sh_name = 1, .sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR, .sh_addr = copy->code->p_vaddr,
         .sh_size = copy->code->p_memsz},
        {.sh_name = 7, .sh_type = SHT_DYNSYM, .sh_offset = at->symbols, .sh_size = copy->symbol_count * sizeof *symbols, .sh_link = 3,
         .sh_entsize = sizeof *symbols, .sh_addralign = 8},
        {.sh_name = 15, .sh_type = SHT_STRTAB, .sh_offset = at->names, .sh_size = copy->names_bytes, .sh_addralign = 1},
        {.sh_name = 23, .sh_type = SHT_STRTAB, .sh_offset = at->section_names, .sh_size = sizeof section_names, .sh_addralign = 1},
    };
    copy->header.e_phoff = at->segments;
    copy->header.e_shoff = at->sections;
    copy->header.e_shentsize = sizeof sections[0];
    copy->header.e_shnum = SECTIONS;
    copy->header.e_shstrndx = SECTIONS - 1;
    memcpy(image, &copy->header, sizeof copy->header);
    memcpy(image + at->segments, copy->segments, copy->header.e_phnum * sizeof copy->segments[0]);
    memcpy(image + at->sections, sections, sizeof sections);
    memcpy(image + at->section_names, section_names, sizeof section_names);
    return error;
}

int pando_mapped_object_copy(const struct pando_object_process *process, const struct pando_mapping *mapping, size_t limit_bytes,
                             char **ret_image, size_t *ret_len, struct pando_build_id *ret_id)
{
    struct copy copy = {.process = process};
    *ret_id = (struct pando_build_id){0};
    int error = read_headers(&copy, mapping);
    if (error == 0) {
        read_build_id(&copy, ret_id);
        error = read_dynamic(&copy);
    }
    if (error == 0)
        error = count_symbols(&copy);
    if (error != 0)
        return error;
    const Elf64_Phdr *unwind = segment_of(&copy, PT_GNU_EH_FRAME);
    if (copy.names_bytes > limit_bytes || copy.symbol_count > limit_bytes / sizeof(Elf64_Sym) ||
        (unwind != NULL && unwind->p_filesz > limit_bytes))
        return PANDO_ERR_LIMIT;
    struct layout at = plan(&copy);
    char *image = calloc(1, at.end);
    if (image == NULL)
        return PANDO_ERR_NO_MEMORY;
    error = fill(&copy, &at, image);
    if (error != 0) {
        free(image);
        return error;
    }
    *ret_image = image;
    *ret_len = at.end;
    return 0;
}
