/* Why: collector/unwind_image.h. Context: worker. */
#include "collector/unwind_image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "symbols/object_file.h"

enum {
    PAGE_BYTES = 4096,
    PHOFF_MAX = 1 << 20,
    /* .eh_frame_hdr: version, encodings of the three things that follow, then address of .eh_frame, count, table. */
    HDR_VERSION = 1,
    HDR_FIXED_BYTES = 12,
    ENTRY_BYTES = 8,
    SDATA4_PCREL = 0x1b,
    UDATA4 = 0x03,
    SDATA4_DATAREL = 0x3b,
    WORD_BYTES = 8,
};

static int note_segment(const Elf64_Phdr *segment, struct pando_image_headers *headers)
{
    if (segment->p_type == PT_GNU_EH_FRAME) {
        headers->unwind_vaddr = segment->p_vaddr;
        headers->unwind_bytes = segment->p_memsz;
    }
    if (segment->p_type != PT_LOAD)
        return 0;
    if (segment->p_vaddr + segment->p_memsz < segment->p_vaddr || segment->p_offset + segment->p_filesz < segment->p_offset)
        return PANDO_ERR_SYNTAX;
    if (segment->p_offset < PAGE_BYTES && headers->first_vaddr == UINT64_MAX)
        headers->first_vaddr = segment->p_vaddr & ~(uint64_t)(PAGE_BYTES - 1);
    headers->loads[headers->load_count++] = (struct pando_image_segment){
        .vaddr = segment->p_vaddr, .file_offset = segment->p_offset, .file_bytes = segment->p_filesz,
        .memory_bytes = segment->p_memsz, .flags = segment->p_flags,
    };
    return 0;
}

int pando_image_read_headers(uint64_t header_address, struct pando_image_headers *ret_headers)
{
    Elf64_Ehdr file;
    Elf64_Phdr segments[PANDO_IMAGE_SEGMENTS_MAX];
    if (pando_own_memory_read(header_address, &file, sizeof file) != 0)
        return PANDO_ERR_IO;
    if (memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 || file.e_ident[EI_CLASS] != ELFCLASS64 ||
        file.e_ident[EI_DATA] != ELFDATA2LSB || file.e_machine != EM_X86_64 || file.e_phentsize != sizeof(Elf64_Phdr) ||
        file.e_phnum == 0 || file.e_phnum > PANDO_IMAGE_SEGMENTS_MAX || file.e_phoff > PHOFF_MAX)
        return PANDO_ERR_SYNTAX;
    if (pando_own_memory_read(header_address + file.e_phoff, segments, file.e_phnum * sizeof segments[0]) != 0)
        return PANDO_ERR_IO;
    *ret_headers = (struct pando_image_headers){.first_vaddr = UINT64_MAX};
    for (uint32_t i = 0; i < file.e_phnum; i++)
        if (note_segment(&segments[i], ret_headers) != 0)
            return PANDO_ERR_SYNTAX;
    return ret_headers->first_vaddr != UINT64_MAX ? 0 : PANDO_ERR_SYNTAX;
}

static int find_code(struct pando_unwind_image *image, const struct pando_image_headers *headers, uint64_t bias)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (uint32_t i = 0; i < headers->load_count; i++) {
        const struct pando_image_segment *load = &headers->loads[i];
        if ((load->flags & PF_X) == 0 || load->memory_bytes == 0)
            continue;
        low = load->vaddr < low ? load->vaddr : low;
        high = load->vaddr + load->memory_bytes > high ? load->vaddr + load->memory_bytes : high;
    }
    if (low >= high || high - low > UINT32_MAX)
        return low >= high ? PANDO_ERR_NOT_FOUND : PANDO_ERR_LIMIT;
    image->code_start = low + bias;
    image->code_end = high + bias;
    return image->code_start < image->code_end ? 0 : PANDO_ERR_SYNTAX;
}

/* Copies [from, from + len_bytes) as the frame. */
static int copy_frame(struct pando_unwind_image *image, uint64_t from, uint64_t len_bytes)
{
    if (len_bytes == 0 || len_bytes > PANDO_IMAGE_FRAME_BYTES_MAX || from + len_bytes < from)
        return len_bytes == 0 ? PANDO_ERR_SYNTAX : PANDO_ERR_LIMIT;
    uint8_t *bytes = calloc(1, len_bytes + WORD_BYTES);
    if (bytes == NULL)
        return PANDO_ERR_NO_MEMORY;
    if (pando_own_memory_read(from, bytes, len_bytes) != 0) {
        free(bytes);
        return PANDO_ERR_IO;
    }
    image->frame = (struct pando_cfi_bytes){.bytes = bytes, .len_bytes = len_bytes, .address = from};
    return 0;
}

static int by_start(const void *a, const void *b)
{
    const struct pando_image_function *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Sorts if need be; of several with the same start the last remains, as a search of the table would find it. */
static void sort_functions(struct pando_unwind_image *image)
{
    struct pando_image_function *functions = image->functions;
    uint32_t count = image->function_count, kept = 0;
    bool sorted = true;
    for (uint32_t i = 1; i < count && sorted; i++)
        sorted = functions[i - 1].start < functions[i].start;
    if (sorted)
        return;
    qsort(functions, count, sizeof functions[0], by_start);
    for (uint32_t i = 0; i < count; i++)
        if (i + 1 == count || functions[i].start != functions[i + 1].start)
            functions[kept++] = functions[i];
    image->function_count = kept;
}

/* Where the entry at `address` ends, so that the copy has all of the last one. */
static uint64_t entry_end(uint64_t address)
{
    uint32_t length;
    if (pando_own_memory_read(address, &length, sizeof length) != 0 || length > PANDO_IMAGE_FRAME_BYTES_MAX)
        return 0;
    return address + sizeof length + length;
}

/* `table`: pairs of start and entry, each relative to the header. */
static int read_table(struct pando_unwind_image *image, const int32_t *table, uint32_t count, uint64_t frame_address)
{
    uint64_t low = frame_address, last = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t entry = image->header + (uint64_t)(int64_t)table[2 * i + 1];
        low = entry < low ? entry : low;
        last = entry > last ? entry : last;
    }
    if (entry_end(last) == 0)
        return PANDO_ERR_SYNTAX;
    int error = copy_frame(image, low, entry_end(last) - low);
    image->functions = error == 0 ? malloc(count * sizeof image->functions[0]) : NULL;
    if (image->functions == NULL)
        return error != 0 ? error : PANDO_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = image->header + (uint64_t)(int64_t)table[2 * i];
        uint64_t entry = image->header + (uint64_t)(int64_t)table[2 * i + 1];
        if (start >= image->code_start && start < image->code_end)
            image->functions[kept++] = (struct pando_image_function){(uint32_t)(start - image->code_start),
                                                                     (uint32_t)(entry - low)};
    }
    image->function_count = kept;
    return 0;
}

/* Without a table: goes through the section, which ends with a zero length at the latest with its segment. */
static int scan_frame(struct pando_unwind_image *image, uint64_t frame_address, uint64_t segment_end)
{
    uint32_t capacity = 0;
    struct pando_cfi_cie cie = {0};
    int error = segment_end > frame_address ? copy_frame(image, frame_address, segment_end - frame_address)
                                            : PANDO_ERR_SYNTAX;
    for (uint64_t at = frame_address, next; error == 0 && (next = pando_cfi_next(&image->frame, at)) != 0; at = next) {
        struct pando_cfi_function function;
        if (pando_cfi_check(&image->frame, at, &cie, &function) != 0 || function.start < image->code_start ||
            function.start >= image->code_end)
            continue;
        if (image->function_count == capacity) {
            capacity = capacity * 2 + 256;
            struct pando_image_function *more = realloc(image->functions, capacity * sizeof *more);
            if (more == NULL || capacity > PANDO_IMAGE_FUNCTIONS_MAX)
                return more == NULL ? PANDO_ERR_NO_MEMORY : (image->functions = more, PANDO_ERR_LIMIT);
            image->functions = more;
        }
        image->functions[image->function_count++] = (struct pando_image_function){
            (uint32_t)(function.start - image->code_start), (uint32_t)(at - frame_address)};
    }
    return error;
}

static uint64_t segment_end_of(const struct pando_image_headers *headers, uint64_t vaddr)
{
    for (uint32_t i = 0; i < headers->load_count; i++)
        if (vaddr >= headers->loads[i].vaddr && vaddr - headers->loads[i].vaddr < headers->loads[i].file_bytes)
            return headers->loads[i].vaddr + headers->loads[i].file_bytes;
    return 0;
}

/* `hdr`: the bytes of .eh_frame_hdr. */
static int read_functions(struct pando_unwind_image *image, const uint8_t *hdr, uint64_t len_bytes,
                          const struct pando_image_headers *headers, uint64_t bias)
{
    int32_t distance;
    uint32_t count;
    if (hdr[0] != HDR_VERSION || hdr[1] != SDATA4_PCREL)
        return PANDO_ERR_SYNTAX;
    memcpy(&distance, hdr + 4, sizeof distance);
    memcpy(&count, hdr + 8, sizeof count);
    uint64_t frame_address = image->header + 4 + (uint64_t)(int64_t)distance;
    if (hdr[2] == UDATA4 && hdr[3] == SDATA4_DATAREL) {
        uint64_t room = (len_bytes - HDR_FIXED_BYTES) / ENTRY_BYTES;
        if (count > room)
            return PANDO_ERR_SYNTAX;
        if (count > PANDO_IMAGE_FUNCTIONS_MAX)
            return PANDO_ERR_LIMIT;
        if (count == 0)
            return PANDO_ERR_NOT_FOUND;
        return read_table(image, (const int32_t *)(const void *)(hdr + HDR_FIXED_BYTES), count, frame_address);
    }
    return scan_frame(image, frame_address, segment_end_of(headers, frame_address - bias) + bias);
}

int pando_unwind_image_read(struct pando_unwind_image *image, uint64_t header_address, uint64_t bias)
{
    struct pando_image_headers headers;
    *image = (struct pando_unwind_image){0};
    int error = pando_image_read_headers(header_address, &headers);
    if (error != 0)
        return error;
    if (headers.unwind_bytes < HDR_FIXED_BYTES)
        return PANDO_ERR_NOT_FOUND;
    if (headers.unwind_bytes > (uint64_t)PANDO_IMAGE_FUNCTIONS_MAX * ENTRY_BYTES + HDR_FIXED_BYTES)
        return PANDO_ERR_LIMIT;
    error = find_code(image, &headers, bias);
    if (error != 0)
        return error;
    image->header = headers.unwind_vaddr + bias;
    uint8_t *hdr = malloc(headers.unwind_bytes);
    if (hdr == NULL)
        return PANDO_ERR_NO_MEMORY;
    error = pando_own_memory_read(image->header, hdr, headers.unwind_bytes) == 0
                ? read_functions(image, hdr, headers.unwind_bytes, &headers, bias)
                : PANDO_ERR_IO;
    free(hdr);
    if (error == 0)
        sort_functions(image);
    return error;
}

void pando_unwind_image_release(struct pando_unwind_image *image)
{
    free((void *)(uintptr_t)image->frame.bytes);
    free(image->functions);
    *image = (struct pando_unwind_image){0};
}

/* FNV-1a, a word at a time. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i += WORD_BYTES) {
        uint64_t word = 0;
        memcpy(&word, (const uint8_t *)bytes + i, len_bytes - i < WORD_BYTES ? len_bytes - i : WORD_BYTES);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    return hash;
}

uint64_t pando_image_fingerprint(uint64_t header_address, uint64_t bias)
{
    struct pando_image_headers headers;
    uint8_t page[PAGE_BYTES];
    if (pando_own_memory_read(header_address, page, sizeof page) != 0 ||
        pando_image_read_headers(header_address, &headers) != 0)
        return 0;
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), page, sizeof page); /* mostly with the build id */
    uint64_t rest = headers.unwind_bytes;
    if (rest > (uint64_t)PANDO_IMAGE_FUNCTIONS_MAX * ENTRY_BYTES)
        return 0;
    for (uint64_t at = headers.unwind_vaddr + bias; rest > 0;) {
        size_t part = rest < sizeof page ? rest : sizeof page;
        if (pando_own_memory_read(at, page, part) != 0)
            return 0;
        hash = mix(hash, page, part);
        at += part;
        rest -= part;
    }
    return hash | 1;
}
