/* Why: symbols/debug_files.h. Context: as there. */
#include "symbols/debug_files.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "symbols/debug_lines.h"
#include "symbols/object_file.h"

enum {
    LINK_MAX_BYTES = 4096,
    CHUNK_BYTES = 64 << 10,
    ID_TEXT_BYTES = 2 * PANDO_BUILD_ID_MAX_BYTES + 1,
};
static const off_t CHECKED_MAX_BYTES = (off_t)1 << 30; /* the sum of a larger file is not computed: it is not taken */

/* Opens a regular file. */
static int open_regular(const char *path)
{
    struct stat status;
    int fd = pando_object_file_open_path(path);
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool has_id(int fd, const struct pando_build_id *id)
{
    struct pando_elf_sections sections;
    struct pando_build_id found = {0};
    if (pando_elf_sections_read(fd, &sections) == 0)
        pando_elf_sections_build_id(&sections, &found);
    pando_elf_sections_release(&sections);
    return pando_build_id_same(id, &found);
}

/* The sum over all bytes that .gnu_debuglink has of the file that it names. */
static bool has_sum(int fd, uint32_t sum)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size > CHECKED_MAX_BYTES)
        return false;
    uint8_t *chunk = malloc(CHUNK_BYTES);
    uLong now = crc32(0, NULL, 0);
    ssize_t got = -1;
    for (off_t at = 0; chunk != NULL && (got = pread(fd, chunk, CHUNK_BYTES, at)) > 0; at += got)
        now = crc32(now, chunk, (uInt)got);
    free(chunk);
    return got == 0 && now == sum;
}

static void id_text(const struct pando_build_id *id, char text[ID_TEXT_BYTES])
{
    for (unsigned i = 0; i < id->len; i++)
        snprintf(text + 2 * i, 3, "%02x", id->bytes[i]);
}

static int open_by_id(const char *root, const struct pando_build_id *id, char path[PATH_MAX])
{
    char text[ID_TEXT_BYTES];
    if (id->len < 2)
        return -1;
    id_text(id, text);
    int len = snprintf(path, PATH_MAX, "%s/usr/lib/debug/.build-id/%.2s/%s.debug", root, text, text + 2);
    int fd = len > 0 && len < PATH_MAX ? open_regular(path) : -1;
    if (fd >= 0 && !has_id(fd, id)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The forms in which `name` is looked for: the object's folder (root and path), and the file's name. */
static const char *const link_places[] = {"%s%.*s/%s", "%s%.*s/.debug/%s", "%s/usr/lib/debug%.*s/%s"};

static int open_by_link(const char *root, const char *object, const struct pando_elf_sections *sections,
                        const struct pando_build_id *id, char path[PATH_MAX])
{
    char *name;
    size_t len;
    uint32_t sum;
    if (pando_elf_sections_copy_named(sections, ".gnu_debuglink", LINK_MAX_BYTES, &name, &len) != 0)
        return -1;
    size_t sum_at = (strlen(name) + 1 + 3) & ~(size_t)3;
    const char *slash = strrchr(object, '/');
    int fd = -1;
    if (slash != NULL && sum_at + sizeof sum <= len && name[0] != '\0' && strchr(name, '/') == NULL) {
        memcpy(&sum, name + sum_at, sizeof sum);
        for (size_t i = 0; fd < 0 && i < sizeof link_places / sizeof link_places[0]; i++) {
            int written = snprintf(path, PATH_MAX, link_places[i], root, (int)(slash - object), object, name);
            fd = written > 0 && written < PATH_MAX ? open_regular(path) : -1;
            if (fd >= 0 && !(id->len != 0 ? has_id(fd, id) : has_sum(fd, sum))) {
                close(fd);
                fd = -1;
            }
        }
    }
    free(name);
    return fd;
}

int pando_debug_files_open(const char *root, const char *object, const struct pando_elf_sections *sections,
                           const struct pando_build_id *id, enum pando_debug_origin *ret_origin, char **ret_path)
{
    char path[PATH_MAX];
    *ret_origin = PANDO_DEBUG_BUILD_ID;
    int fd = open_by_id(root, id, path);
    if (fd < 0) {
        *ret_origin = PANDO_DEBUG_LINK;
        fd = open_by_link(root, object, sections, id, path);
    }
    *ret_path = fd >= 0 ? strdup(path) : NULL;
    if (fd < 0)
        *ret_origin = PANDO_DEBUG_NONE;
    return fd;
}

int pando_debug_files_open_alternate(const char *root, const char *object, const struct pando_elf_sections *sections)
{
    struct pando_build_id id;
    char *name, path[PATH_MAX];
    if (pando_debug_lines_alternate(sections, &name, &id) != 0)
        return -1;
    const char *slash = strrchr(object, '/');
    int folder = slash != NULL ? (int)(slash - object) : 0;
    int len = name[0] == '/' ? snprintf(path, sizeof path, "%s%s", root, name)
                             : snprintf(path, sizeof path, "%.*s/%s", folder, object, name);
    free(name);
    int fd = len > 0 && len < PATH_MAX ? open_regular(path) : -1;
    if (fd >= 0 && !has_id(fd, &id)) {
        close(fd);
        fd = -1;
    }
    return fd >= 0 ? fd : open_by_id(root, &id, path);
}
