/* Why: cli/doctor.h: which names, lines and stacks a profile will have, object by object.
 * Context: own process. symbols/ reads the files, as the agent does, with the same limits; no server is asked for debug information. */
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/doctor.h"
#include "cli/target_check.h"
#include "symbols/symbols.h"

enum { NAMES_BYTES = 256 << 20, LINES_BYTES = 96 << 20, MAPS_BYTES_MAX = 16 << 20, LIST_BYTES_MAX = 1 << 20, SEGMENTS_MAX = 128, PAGE = 4096 };

struct objects {
    struct pando_doctor *doctor;
    unsigned count, nameless, without_lines, without_unwind;
};

static void visit(void *context, const struct pando_symbols_object *object)
{
    struct objects *objects = context;
    if (strcmp(object->name, "[vsyscall]") == 0)
        return; /* nobody runs there */
    bool is_memory = object->path == NULL || object->path[0] != '/';
    bool has_names = strcmp(object->names_from, "nothing") != 0;
    const char *dynamic_only = strcmp(object->names_from, ".dynsym") == 0 ? " (exported functions only)" : "";
    pando_doctor_add(objects->doctor, "objects",
                     json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:b, s:b, s:o}", "name", pando_doctor_text(object->name), "path",
                               pando_doctor_text(object->path), "buildId", object->build_id, "namesFrom", object->names_from,
                               "linesFrom", pando_doctor_text(object->lines_from), "debugFile", pando_doctor_text(object->debug_path),
                               "hasUnwind", object->has_unwind, "isDeleted", object->is_deleted, "missing",
                               pando_doctor_text(object->missing)));
    objects->count++;
    objects->nameless += !is_memory && (!has_names || dynamic_only[0] != '\0');
    objects->without_lines += !is_memory && object->lines_from == NULL;
    objects->without_unwind += !is_memory && !object->has_unwind;
    pando_doctor_say(objects->doctor, object->missing != NULL || (!is_memory && !object->has_unwind) ? PANDO_DOCTOR_NOTE : PANDO_DOCTOR_OK,
                     "object", "%s%s%s: names from %s%s, lines from %s%s%s%s%s%s", object->name,
                     object->build_id[0] != '\0' ? " " : "", object->build_id, object->names_from, dynamic_only,
                     object->lines_from != NULL ? object->lines_from : "nothing", object->debug_path != NULL ? " " : "",
                     object->debug_path != NULL ? object->debug_path : "",
                     is_memory ? "" : object->has_unwind ? ", unwind table" : ", no unwind table: stacks may end in it",
                     object->missing != NULL ? ". " : ".", object->missing != NULL ? object->missing : "");
}

static bool examine(struct pando_doctor *doctor, pid_t pid, const char *maps, size_t len)
{
    struct objects objects = {.doctor = doctor};
    struct pando_symbols *symbols = pando_symbols_new(NAMES_BYTES);
    if (symbols == NULL)
        return false;
    if (pid != 0)
        pando_symbols_set_process(symbols, pid);
    bool is_read = pando_symbols_want_lines(symbols, LINES_BYTES, false) == 0 && pando_symbols_update_maps(symbols, maps, len) == 0;
    if (is_read) {
        pando_symbols_visit_objects(symbols, visit, &objects);
        bool is_all = objects.nameless + objects.without_lines + objects.without_unwind == 0;
        pando_doctor_say(doctor, is_all ? PANDO_DOCTOR_OK : PANDO_DOCTOR_NOTE, "objects",
                         "of %u objects %u are without names of inner functions, %u without lines, %u without unwind table%s.", objects.count,
                         objects.nameless, objects.without_lines, objects.without_unwind,
                         objects.nameless + objects.without_lines == 0 ? "" :
                         "; Debian: find-dbgsym-packages (debian-goodies) names the packages to install, or set DEBUGINFOD_URLS");
    }
    pando_symbols_free(symbols);
    return is_read;
}

bool pando_doctor_objects_of_process(struct pando_doctor *doctor, pid_t pid)
{
    char path[64];
    size_t len = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    char *maps = pando_doctor_read_file(path, &len);
    bool is_read = maps != NULL && examine(doctor, pid, maps, len);
    free(maps);
    return is_read;
}

/* What the map of a process would say of the file's code, if its first byte were at `*start`, which moves on behind it. */
static void map_on_paper(const char *path, uint64_t *start, struct pando_buffer *maps)
{
    char whole[PATH_MAX];
    struct stat status;
    Elf64_Ehdr header;
    int fd = realpath(path, whole) != NULL ? open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    bool is_elf = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && pread(fd, &header, sizeof header, 0) == sizeof header &&
                  memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;
    uint64_t base = *start;
    for (unsigned i = 0; is_elf && i < header.e_phnum && i < SEGMENTS_MAX; i++) {
        Elf64_Phdr segment;
        if (pread(fd, &segment, sizeof segment, (off_t)(header.e_phoff + i * sizeof segment)) != sizeof segment)
            break;
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0 || segment.p_filesz == 0 || segment.p_filesz > UINT32_MAX)
            continue;
        uint64_t low = base + (segment.p_offset & ~(uint64_t)(PAGE - 1));
        uint64_t high = (base + segment.p_offset + segment.p_filesz + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        if (low < *start && *start != base)
            continue;
        pando_buffer_append_format(maps, "%" PRIx64 "-%" PRIx64 " r-xp %" PRIx64 " %x:%x %lu %s\n", low, high,
                                   segment.p_offset & ~(uint64_t)(PAGE - 1), major(status.st_dev), minor(status.st_dev),
                                   (unsigned long)status.st_ino, whole);
        *start = high + PAGE;
    }
    if (fd >= 0)
        close(fd);
}

/* What the loader says that it would load for the program: "name => path (address)". It does not run the program. */
static char *list_libraries(const char *path)
{
    char loader[] = "/lib64/ld-linux-x86-64.so.2", option[] = "--list";
    char *const argv[] = {loader, option, (char *)(uintptr_t)path, NULL};
    struct pando_buffer text;
    char piece[4096];
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    pando_buffer_init(&text, LIST_BYTES_MAX);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    bool is_started = posix_spawn(&pid, loader, &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    for (ssize_t got; is_started && (got = read(ends[0], piece, sizeof piece)) > 0;)
        pando_buffer_append(&text, piece, (size_t)got);
    close(ends[0]);
    if (is_started)
        waitpid(pid, NULL, 0);
    size_t len;
    return pando_buffer_detach(&text, &len);
}

static void add_libraries(struct pando_doctor *doctor, char *list, uint64_t *start, struct pando_buffer *maps)
{
    char *rest = list;
    for (char *line; rest != NULL && (line = strsep(&rest, "\n")) != NULL;) {
        char *path = strchr(line, '/');
        if (strstr(line, "not found") != NULL) {
            line += strspn(line, " \t");
            pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "library", "%.*s is not found: the program cannot be started; install it, or set "
                             "LD_LIBRARY_PATH.", (int)strcspn(line, " "), line);
        } else if (path != NULL) {
            char *arrow = strstr(line, "=> /");
            path = arrow != NULL ? arrow + 3 : path;
            char *end = strstr(path, " (0x");
            if (end != NULL)
                *end = '\0';
            map_on_paper(path, start, maps);
        }
    }
}

void pando_doctor_objects_of_file(struct pando_doctor *doctor, const char *path)
{
    struct pando_buffer maps;
    char checked[PATH_MAX];
    uint64_t start = (uint64_t)1 << 32;
    pando_buffer_init(&maps, MAPS_BYTES_MAX);
    map_on_paper(path, &start, &maps);
    if (pando_target_check(path, checked, sizeof checked) == PANDO_TARGET_DYNAMIC) {
        char *list = list_libraries(path);
        add_libraries(doctor, list, &start, &maps);
        free(list);
    }
    if (maps.len_bytes != 0 && !examine(doctor, 0, maps.bytes, maps.len_bytes))
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "objects", "the program's objects cannot be read.");
    pando_buffer_release(&maps);
}
