/* Why: symbols/object_debug.h. Context: as there. */
#include "symbols/object_debug.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "symbols/debug_image.h"
#include "symbols/debuginfod.h"
#include "symbols/mapped_object.h"
#include "symbols/mini_debug.h"
#include "symbols/object_file.h"

enum { MINI_DEBUG_MAX_BYTES = 64 << 20 };

void pando_object_debug_release(struct pando_object_debug *debug)
{
    free(debug->path);
    *debug = (struct pando_object_debug){0};
}

/* Opens the object's separate debug file, which is looked for once and found again by its path. -1: none (yet). */
static int open_debug_file(const struct pando_mapping *mapping, struct pando_object_debug *debug,
                           const struct pando_object_access *access, const struct pando_elf_sections *sections)
{
    char *path = NULL;
    debug->waits = false;
    int fd = pando_debug_files_open(access->process.root, mapping->object->path, sections, &debug->id, &debug->origin, &path);
    if (fd < 0 && access->fetcher != NULL && debug->id.len != 0) {
        int error = pando_debuginfod_get(access->fetcher, &debug->id, &fd, &path);
        debug->waits = error == PANDO_ERR_BUSY;
        debug->origin = error == 0 ? PANDO_DEBUG_DEBUGINFOD : PANDO_DEBUG_NONE;
    }
    free(debug->path);
    debug->path = path;
    return fd;
}

static bool has_lines(const struct pando_elf_sections *sections)
{
    size_t bytes;
    return pando_debug_image_measure(sections, &bytes);
}

/* What of the object's names is elsewhere: only looked for when its own symbol table was stripped. */
static int add_parts(const struct pando_mapping *mapping, struct pando_object_debug *debug, const struct pando_object_access *access,
                     const struct pando_elf_sections *sections, struct pando_elf_part parts[3])
{
    int count = 1;
    size_t len;
    debug->has_symtab = pando_elf_sections_find(sections, ".symtab") != PANDO_SECTION_NONE;
    if (has_lines(sections))
        debug->origin = PANDO_DEBUG_ITSELF;
    if (debug->has_symtab)
        return count;
    char *image;
    if (pando_mini_debug_read(sections, MINI_DEBUG_MAX_BYTES, &image, &len) == 0) {
        debug->has_mini_debug = true;
        parts[count++] = (struct pando_elf_part){.fd = -1, .image = image, .image_bytes = len};
    }
    int fd = debug->origin == PANDO_DEBUG_ITSELF ? -1 : open_debug_file(mapping, debug, access, sections);
    if (fd >= 0)
        parts[count++] = (struct pando_elf_part){.fd = fd};
    return count;
}

/* The file is out of reach: what is in memory, and a debug file by the build-id that is there. */
static int read_mapped(const struct pando_mapping *mapping, struct pando_object_debug *debug,
                       const struct pando_object_access *access, size_t limit_bytes, struct pando_elf_names **ret_names)
{
    char *image;
    size_t len;
    if (pando_mapped_object_copy(&access->process, mapping, limit_bytes, &image, &len, &debug->id) != 0)
        return debug->names_error;
    const struct pando_elf_sections none = {.fd = -1};
    struct pando_elf_part parts[2] = {{.fd = -1, .image = image, .image_bytes = len}};
    int fd = open_debug_file(mapping, debug, access, &none);
    parts[1].fd = fd;
    int error = pando_elf_names_read(parts, fd >= 0 ? 2 : 1, limit_bytes, ret_names);
    if (fd >= 0)
        close(fd);
    free(image);
    debug->is_from_memory = error == 0;
    debug->has_unwind = error == 0 && pando_elf_names_has_unwind(*ret_names);
    return error;
}

int pando_object_debug_names(const struct pando_mapping *mapping, struct pando_object_debug *debug,
                             const struct pando_object_access *access, size_t limit_bytes, struct pando_elf_names **ret_names)
{
    struct pando_elf_sections sections;
    int fd;
    int error = pando_object_file_open(&access->process, mapping, &fd);
    pando_object_debug_release(debug);
    debug->is_known = true;
    debug->names_error = error;
    if (error != 0)
        return read_mapped(mapping, debug, access, limit_bytes, ret_names);
    struct pando_elf_part parts[3] = {{.fd = fd}};
    int count = 1;
    if (pando_elf_sections_read(fd, &sections) == 0) {
        pando_elf_sections_build_id(&sections, &debug->id);
        count = add_parts(mapping, debug, access, &sections, parts);
    }
    pando_elf_sections_release(&sections);
    error = pando_elf_names_read(parts, (size_t)count, limit_bytes, ret_names);
    debug->names_error = error;
    debug->has_unwind = error == 0 && pando_elf_names_has_unwind(*ret_names);
    for (int i = 0; i < count; i++) {
        if (parts[i].image != NULL)
            free(parts[i].image);
        else
            close(parts[i].fd);
    }
    return error;
}

/* Opens lines that are in the file `fd` (at `path`), with what dwz has taken out of it. */
static int open_lines(int fd, const char *root, const char *path, size_t limit_bytes, size_t work_limit_bytes,
                      struct pando_debug_lines **ret_lines)
{
    struct pando_elf_sections sections;
    int error = pando_elf_sections_read(fd, &sections);
    int alternate = error == 0 ? pando_debug_files_open_alternate(root, path, &sections) : -1;
    pando_elf_sections_release(&sections);
    if (error == 0)
        error = pando_debug_lines_open(fd, alternate, limit_bytes, work_limit_bytes, ret_lines);
    if (alternate >= 0)
        close(alternate);
    return error;
}

int pando_object_debug_lines(const struct pando_mapping *mapping, struct pando_object_debug *debug,
                             const struct pando_object_access *access, size_t limit_bytes, size_t work_limit_bytes,
                             struct pando_debug_lines **ret_lines)
{
    struct pando_elf_sections sections;
    int fd;
    int error = pando_object_file_open(&access->process, mapping, &fd);
    if (debug->is_from_memory || (error == 0 && debug->origin != PANDO_DEBUG_ITSELF)) {
        int other = -1;
        bool is_open = error == 0;
        sections = (struct pando_elf_sections){.fd = -1};
        if (!is_open || pando_elf_sections_read(fd, &sections) == 0)
            other = open_debug_file(mapping, debug, access, &sections);
        pando_elf_sections_release(&sections);
        if (is_open)
            close(fd);
        fd = other;
        error = fd >= 0 ? 0 : debug->waits ? PANDO_ERR_BUSY : PANDO_ERR_NOT_FOUND;
    }
    if (error == 0) {
        error = open_lines(fd, access->process.root, debug->path != NULL ? debug->path : mapping->object->path, limit_bytes,
                           work_limit_bytes, ret_lines);
        close(fd);
    }
    debug->lines_error = error;
    return error;
}
