/* Why: symbols/debug_lines.h. libdw ends the process when there is no memory, or goes on without looking: it is left by longjmp, from
 * within the allocator that it calls. Context: as there. */
#include "symbols/debug_lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "symbols/debug_image.h"
#include "symbols/dwarf_units.h"
#include "symbols/symbols.h"

enum {
    LINE_ROW_BYTES = 64,      /* of libdw, for each row of a unit's line table; a row takes one byte of the file or more */
    NESTED_MAX = 128,         /* blocks and inlined functions within each other */
    ENTRIES_MAX = 1 << 20,    /* that are looked at for one address */
    ALTERNATE_MAX_BYTES = 8192,
};

/* A file's debug information as libdw has it. */
struct source {
    struct pando_debug_image image;
    Elf *elf;
    Dwarf *dwarf;
};

struct pando_debug_lines {
    struct source main, alternate;
    struct pando_dwarf_units units;
    size_t limit_bytes;
    size_t rows_bytes;
    bool is_broken;           /* libdw was left in the middle */
    struct pando_dwarf_scopes scopes;
};

/* (Not one that the loader allocates at its first use: that would be here, without memory, and end the process.) */
static __thread jmp_buf *give_up __attribute__((tls_model("initial-exec")));

void pando_symbols_no_memory(void)
{
    if (give_up != NULL)
        longjmp(*give_up, 1);
}

static __attribute__((noreturn)) void on_no_memory(void)
{
    pando_symbols_no_memory();
    abort(); /* unreachable: libdw is called inside of attempts only */
}

/* What libdw holds of a file after it was left in the middle is not touched any more: lost, like the memory that was not there. */
static void close_source(struct source *source, bool is_broken)
{
    if (source->dwarf != NULL && !is_broken)
        dwarf_end(source->dwarf);
    if (source->elf != NULL && !is_broken)
        elf_end(source->elf);
    pando_debug_image_release(&source->image);
}

void pando_debug_lines_close(struct pando_debug_lines *lines)
{
    if (lines == NULL)
        return;
    pando_dwarf_units_release(&lines->units);
    close_source(&lines->main, lines->is_broken);
    close_source(&lines->alternate, lines->is_broken);
    free(lines);
}

/* Runs `step`, which uses libdw; PANDO_ERR_NO_MEMORY when it had to be left. */
static int attempt(struct pando_debug_lines *lines, int (*step)(struct pando_debug_lines *lines, void *context), void *context)
{
    jmp_buf here;
    if (lines->is_broken)
        return PANDO_ERR_NO_MEMORY;
    if (setjmp(here) != 0) {
        give_up = NULL;
        lines->is_broken = true;
        return PANDO_ERR_NO_MEMORY;
    }
    give_up = &here;
    int error = step(lines, context);
    give_up = NULL;
    return error;
}

static int read_image(int fd, size_t limit_bytes, size_t work_limit_bytes, struct source *source)
{
    struct pando_elf_sections sections;
    size_t work_bytes;
    int error = pando_elf_sections_read(fd, &sections);
    if (error == 0 && pando_debug_image_measure(&sections, &work_bytes) && work_bytes != SIZE_MAX && work_bytes > work_limit_bytes)
        error = PANDO_ERR_TIMEOUT;
    if (error == 0)
        error = pando_debug_image_read(&sections, limit_bytes, &source->image);
    pando_elf_sections_release(&sections);
    return error;
}

static int begin_source(struct source *source)
{
    if (source->image.bytes == NULL)
        return 0;
    source->elf = elf_memory(source->image.bytes, source->image.len_bytes);
    source->dwarf = source->elf != NULL ? dwarf_begin_elf(source->elf, DWARF_C_READ, NULL) : NULL;
    if (source->dwarf == NULL)
        return PANDO_ERR_SYNTAX;
    dwarf_new_oom_handler(source->dwarf, on_no_memory);
    return 0;
}

static int begin(struct pando_debug_lines *lines, void *limit_bytes)
{
    int error = begin_source(&lines->main);
    if (error == 0)
        error = begin_source(&lines->alternate);
    if (error == 0 && lines->alternate.dwarf != NULL)
        dwarf_setalt(lines->main.dwarf, lines->alternate.dwarf);
    return error != 0 ? error : pando_dwarf_units_read(&lines->units, lines->main.dwarf, *(size_t *)limit_bytes);
}

int pando_debug_lines_open(int fd, int alternate_fd, size_t limit_bytes, size_t work_limit_bytes,
                           struct pando_debug_lines **ret_lines)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return PANDO_ERR_UNSUPPORTED;
    struct pando_debug_lines *lines = calloc(1, sizeof *lines);
    if (lines == NULL)
        return PANDO_ERR_NO_MEMORY;
    lines->limit_bytes = limit_bytes;
    int error = read_image(fd, limit_bytes, work_limit_bytes, &lines->main);
    size_t left = limit_bytes - lines->main.image.len_bytes;
    if (error == 0 && alternate_fd >= 0) {
        error = read_image(alternate_fd, left, work_limit_bytes, &lines->alternate);
        left -= lines->alternate.image.len_bytes;
    }
    if (error == 0)
        error = attempt(lines, begin, &left);
    if (error != 0) {
        pando_debug_lines_close(lines);
        return error;
    }
    *ret_lines = lines;
    return 0;
}

size_t pando_debug_lines_bytes(const struct pando_debug_lines *lines)
{
    return sizeof *lines + lines->main.image.len_bytes + lines->alternate.image.len_bytes + lines->units.bytes +
           lines->rows_bytes;
}

/* The functions at one address, outermost first, while they are looked for. */
struct search {
    uint64_t address;
    struct pando_debug_frame *frames; /* the answer, and how many */
    uint32_t frame_count;
    uint32_t looked_at;
    uint32_t count;
    Dwarf_Die entries[NESTED_MAX];
};

static bool has_code(Dwarf_Die *entry)
{
    return dwarf_hasattr(entry, DW_AT_low_pc) || dwarf_hasattr(entry, DW_AT_ranges);
}

/* Goes down to the innermost function that was inlined at the address. True: there is one in `parent`. */
static bool find_inlined(struct search *search, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die entry, next;
    if (depth == NESTED_MAX || dwarf_child(parent, &entry) != 0)
        return false;
    while (search->looked_at++ < ENTRIES_MAX) {
        int tag = dwarf_tag(&entry);
        bool is_block = tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
        if (tag == DW_TAG_inlined_subroutine && search->count < NESTED_MAX && dwarf_haspc(&entry, search->address) > 0) {
            search->entries[search->count++] = entry;
            find_inlined(search, &entry, depth + 1);
            return true;
        }
        if (is_block && (dwarf_haspc(&entry, search->address) > 0 || !has_code(&entry)) &&
            find_inlined(search, &entry, depth + 1))
            return true;
        if (dwarf_siblingof(&entry, &next) != 0 || next.addr <= entry.addr)
            return false;
        entry = next;
    }
    return false;
}

static const char *text_of(Dwarf_Die *entry, unsigned attribute)
{
    Dwarf_Attribute place;
    return dwarf_formstring(dwarf_attr_integrate(entry, attribute, &place));
}

static void put_name(struct pando_debug_lines *lines, Dwarf_Die *unit, Dwarf_Die *entry, struct pando_debug_frame *frame)
{
    frame->name = text_of(entry, DW_AT_linkage_name);
    if (frame->name == NULL)
        frame->name = text_of(entry, DW_AT_MIPS_linkage_name);
    if (frame->name != NULL || (frame->name = text_of(entry, DW_AT_name)) == NULL)
        return;
    const char *const *scopes = pando_dwarf_scopes_find(&lines->scopes, unit, entry);
    for (size_t i = 0; scopes != NULL && i < PANDO_DWARF_SCOPES_MAX && scopes[i] != NULL; i++)
        frame->scopes[i] = scopes[i];
}

static uint32_t number_of(Dwarf_Die *entry, unsigned attribute)
{
    Dwarf_Attribute place;
    Dwarf_Word value;
    return dwarf_formudata(dwarf_attr(entry, attribute, &place), &value) == 0 && value <= INT32_MAX ? (uint32_t)value : 0;
}

/* From which file and line the function of `entry` was called that is inlined into it. */
static void call_site(Dwarf_Die *unit, Dwarf_Die *inlined, struct pando_debug_frame *caller)
{
    Dwarf_Files *files;
    size_t count;
    uint32_t file = number_of(inlined, DW_AT_call_file);
    caller->line = number_of(inlined, DW_AT_call_line);
    if (dwarf_hasattr(inlined, DW_AT_call_file) && dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
        caller->file = dwarf_filesrc(files, file, NULL, NULL);
}

/* How long the unit's line program is: libdw makes all of it to rows at once, and hostile ones would fill the memory. */
static bool may_read_rows(struct pando_debug_lines *lines, struct pando_dwarf_unit *unit, Dwarf_Die *entry)
{
    Dwarf_Attribute place;
    Dwarf_Word offset;
    Dwarf_Lines *rows;
    size_t count;
    if (unit->has_lines)
        return true;
    if (dwarf_formudata(dwarf_attr(entry, DW_AT_stmt_list, &place), &offset) != 0)
        return false;
    uint64_t length = pando_debug_image_unit_bytes(&lines->main.image, offset);
    if (length > lines->limit_bytes / LINE_ROW_BYTES || dwarf_getsrclines(entry, &rows, &count) != 0)
        return false;
    unit->has_lines = true;
    lines->rows_bytes += count * LINE_ROW_BYTES;
    return true;
}

static int find(struct pando_debug_lines *lines, void *context)
{
    struct search *search = context;
    struct pando_debug_frame *frames = search->frames;
    struct pando_dwarf_unit *unit = pando_dwarf_units_find(&lines->units, search->address);
    Dwarf_Die top, function;
    if (unit == NULL || dwarf_offdie(lines->main.dwarf, unit->entry, &top) == NULL)
        return PANDO_ERR_NOT_FOUND;
    int error = pando_dwarf_units_function(&lines->units, unit, search->address, &function);
    if (error != 0 && error != PANDO_ERR_NOT_FOUND)
        return error;
    if (error == 0) {
        search->entries[search->count++] = function;
        find_inlined(search, &function, 0);
    }
    uint32_t count = search->count != 0 ? search->count : 1; /* without an entry: assembly, or a split unit */
    uint32_t kept = count < PANDO_DEBUG_FRAMES_MAX ? count : PANDO_DEBUG_FRAMES_MAX;
    const char *folder = text_of(&top, DW_AT_comp_dir);
    for (uint32_t i = 0; i < kept; i++)
        frames[i] = (struct pando_debug_frame){.folder = folder};
    for (uint32_t i = 0; i < kept && search->count != 0; i++) {
        Dwarf_Die *entry = &search->entries[search->count - 1 - i];
        int line = 0;
        put_name(lines, &top, entry, &frames[i]);
        frames[i].home_file = dwarf_decl_file(entry);
        if (dwarf_decl_line(entry, &line) == 0 && line > 0)
            frames[i].home_line = (uint32_t)line;
        if (i + 1 < kept)
            call_site(&top, entry, &frames[i + 1]);
    }
    Dwarf_Line *row = may_read_rows(lines, unit, &top) ? dwarf_getsrc_die(&top, search->address) : NULL;
    int line = 0;
    if (row != NULL) {
        frames[0].file = dwarf_linesrc(row, NULL, NULL);
        frames[0].line = dwarf_lineno(row, &line) == 0 && line > 0 ? (uint32_t)line : 0;
    }
    search->frame_count = kept;
    return search->count != 0 || row != NULL ? 0 : PANDO_ERR_NOT_FOUND;
}

int pando_debug_lines_find(struct pando_debug_lines *lines, uint64_t address,
                           struct pando_debug_frame frames[PANDO_DEBUG_FRAMES_MAX], uint32_t *ret_count)
{
    struct search search = {.address = address, .frames = frames};
    int error = attempt(lines, find, &search);
    *ret_count = search.frame_count;
    return error;
}

int pando_debug_lines_alternate(const struct pando_elf_sections *sections, char **ret_path, struct pando_build_id *ret_id)
{
    size_t len;
    *ret_id = (struct pando_build_id){0};
    int error = pando_elf_sections_copy_named(sections, ".gnu_debugaltlink", ALTERNATE_MAX_BYTES, ret_path, &len);
    if (error != 0)
        return error == PANDO_ERR_NO_MEMORY ? error : PANDO_ERR_NOT_FOUND;
    size_t path = strlen(*ret_path), id = len > path ? len - path - 1 : 0;
    if (id > 0 && id <= PANDO_BUILD_ID_MAX_BYTES) {
        ret_id->len = (uint8_t)id;
        memcpy(ret_id->bytes, *ret_path + path + 1, id);
    }
    return 0;
}
