/* Why: collector/code_map_text.h. Context: worker. */
#include "collector/code_map_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"

enum {
    /* An object's mappings follow each other, but others may lie in the gaps between its segments. The same object may be mapped
     * twice (dlmopen, prelinked copies): the nearest header below is the right one. */
    HEADERS_KEPT = 16,
    MODES_MAX = 8,
};
static const char DELETED[] = " (deleted)", VDSO[] = "[vdso]";

struct header {
    uint64_t address;
    struct pando_code_file file;
};

struct line {
    struct pando_code_mapping mapping;
    bool executable;
};

/* "55d0c0a00000-55d0c0a28000 r-xp 00002000 08:01 1234    /usr/bin/x" */
static int parse_line(struct pando_cursor cursor, struct line *line)
{
    struct pando_code_mapping *mapping = &line->mapping;
    const char *modes;
    size_t modes_len;
    uint64_t major, minor;
    if (pando_cursor_hex(&cursor, UINT64_MAX, &mapping->start) != 0 || pando_cursor_skip_char(&cursor, '-') != 0 ||
        pando_cursor_hex(&cursor, UINT64_MAX, &mapping->end) != 0 || pando_cursor_skip_char(&cursor, ' ') != 0 ||
        pando_cursor_until(&cursor, ' ', MODES_MAX, &modes, &modes_len) != 0 || modes_len < 4 ||
        pando_cursor_hex(&cursor, UINT64_MAX, &mapping->file_offset) != 0 || pando_cursor_skip_char(&cursor, ' ') != 0 ||
        pando_cursor_hex(&cursor, UINT32_MAX, &major) != 0 || pando_cursor_skip_char(&cursor, ':') != 0 ||
        pando_cursor_hex(&cursor, UINT32_MAX, &minor) != 0 || pando_cursor_skip_char(&cursor, ' ') != 0 ||
        pando_cursor_decimal(&cursor, UINT64_MAX, &mapping->file.inode) != 0 || mapping->end <= mapping->start)
        return PANDO_ERR_SYNTAX;
    pando_cursor_skip_blanks(&cursor);
    line->executable = modes[2] == 'x';
    mapping->header = 0;
    mapping->file.device = major << 32 | minor;
    mapping->file.path = cursor.at;
    mapping->file.path_len = (size_t)(cursor.end - cursor.at);
    size_t suffix = sizeof DELETED - 1;
    if (mapping->file.path_len > suffix && memcmp(cursor.end - suffix, DELETED, suffix) == 0)
        mapping->file.path_len -= suffix;
    return 0;
}

bool pando_code_file_same(const struct pando_code_file *a, const struct pando_code_file *b)
{
    return a->inode == b->inode && a->device == b->device && a->path_len == b->path_len &&
           memcmp(a->path, b->path, a->path_len) == 0;
}

static bool is_vdso(const struct pando_code_file *file)
{
    return file->path_len == sizeof VDSO - 1 && memcmp(file->path, VDSO, sizeof VDSO - 1) == 0;
}

/* Notes a header, or finds the one of an executable mapping. */
static void match_header(struct header headers[HEADERS_KEPT], uint32_t *next, struct pando_code_mapping *mapping)
{
    if (is_vdso(&mapping->file)) {
        mapping->header = mapping->start;
        return;
    }
    if (mapping->file.inode == 0)
        return;
    if (mapping->file_offset == 0) {
        headers[*next % HEADERS_KEPT] = (struct header){.address = mapping->start, .file = mapping->file};
        *next += 1;
    }
    for (uint32_t back = 1; back <= HEADERS_KEPT && back <= *next; back++) {
        const struct header *header = &headers[(*next - back) % HEADERS_KEPT];
        if (pando_code_file_same(&header->file, &mapping->file)) {
            mapping->header = header->address;
            return;
        }
    }
}

static int add(struct pando_code_mappings *mappings, const struct pando_code_mapping *mapping)
{
    struct pando_code_mapping *last = mappings->count != 0 ? &mappings->items[mappings->count - 1] : NULL;
    if (last != NULL && last->end == mapping->start && last->header == 0 && mapping->header == 0) {
        last->end = mapping->end;
        return 0;
    }
    if (mappings->count == PANDO_CODE_MAPPINGS_MAX)
        return PANDO_ERR_LIMIT;
    if (mappings->count == mappings->capacity) {
        uint32_t capacity = mappings->capacity * 2 + 64;
        struct pando_code_mapping *items = realloc(mappings->items, capacity * sizeof *items);
        if (items == NULL)
            return PANDO_ERR_NO_MEMORY;
        mappings->items = items;
        mappings->capacity = capacity;
    }
    mappings->items[mappings->count++] = *mapping;
    return 0;
}

int pando_code_mappings_read(struct pando_code_mappings *mappings, const char *maps, size_t len_bytes)
{
    struct pando_cursor cursor = pando_cursor_of(maps, len_bytes);
    struct header headers[HEADERS_KEPT];
    uint32_t header_count = 0;
    uint64_t last_end = 0;
    int limit = 0;
    *mappings = (struct pando_code_mappings){0};
    while (!pando_cursor_at_end(&cursor)) {
        const char *start;
        size_t len;
        struct line line;
        pando_cursor_until(&cursor, '\n', SIZE_MAX, &start, &len);
        if (parse_line(pando_cursor_of(start, len), &line) != 0 || line.mapping.start < last_end)
            return PANDO_ERR_SYNTAX;
        last_end = line.mapping.end;
        match_header(headers, &header_count, &line.mapping);
        int error = line.executable ? add(mappings, &line.mapping) : 0;
        if (error == PANDO_ERR_NO_MEMORY)
            return error;
        limit = error != 0 ? error : limit;
    }
    return limit;
}

void pando_code_mappings_release(struct pando_code_mappings *mappings)
{
    free(mappings->items);
    *mappings = (struct pando_code_mappings){0};
}
