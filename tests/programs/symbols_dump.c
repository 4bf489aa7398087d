// link: pando_symbols pando_base
/* What Pando knows of addresses in an object, for comparison with other tools: maps the file's code segments on paper at their own
 * addresses, reads hexadecimal ELF addresses from standard input, and prints for each, as addr2line -a -f -i does, the address,
 * then for each function, innermost first, its name and "file:line".
 * Usage: symbols_dump FILE          (--names: no lines; --objects PID: what is known about the objects of a process;
 *        --names FILE               --mib N: limit of debug information)
 *        symbols_dump --objects PID */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "symbols/symbols.h"

enum { NAMES_LIMIT_BYTES = 256 << 20, MAPS_BYTES = 1 << 20, PAGE = 4096 };

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

struct segments {
    Elf64_Phdr items[64];
    unsigned count;
};

/* Writes the map. */
static bool map_on_paper(const char *path, char *maps, struct segments *segments)
{
    char whole[4096];
    struct stat status;
    Elf64_Ehdr header;
    int fd = realpath(path, whole) != NULL ? open(whole, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &status) != 0 || read(fd, &header, sizeof header) != (ssize_t)sizeof header)
        return false;
    size_t len = 0;
    maps[0] = '\0';
    for (unsigned i = 0; i < header.e_phnum && segments->count < 64; i++) {
        Elf64_Phdr *segment = &segments->items[segments->count];
        if (pread(fd, segment, sizeof *segment, (off_t)(header.e_phoff + i * sizeof *segment)) != (ssize_t)sizeof *segment)
            return false;
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_X) == 0)
            continue;
        uint64_t start = segment->p_vaddr & ~(uint64_t)(PAGE - 1);
        uint64_t end = (segment->p_vaddr + segment->p_filesz + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        len += (size_t)sprintf(maps + len, "%" PRIx64 "-%" PRIx64 " r-xp %" PRIx64 " %x:%x %lu %s\n", start, end,
                               (uint64_t)segment->p_offset & ~(uint64_t)(PAGE - 1), major(status.st_dev), minor(status.st_dev),
                               (unsigned long)status.st_ino, whole);
        segments->count++;
    }
    close(fd);
    return segments->count != 0;
}

static void print_address(struct pando_symbols *symbols, uint64_t address, bool wants_lines)
{
    struct pando_symbols_place place;
    struct pando_symbols_name name;
    printf("0x%" PRIx64 "\n", address);
    if (pando_symbols_locate(symbols, address, &place) != 0) {
        puts("??\n??:0");
        return;
    }
    int error = wants_lines ? pando_symbols_find_lines(symbols, &place, SIZE_MAX) : 0;
    while (error == PANDO_ERR_BUSY) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        error = pando_symbols_find_lines(symbols, &place, SIZE_MAX);
    }
    pando_symbols_name(symbols, &place, &name);
    if (name.frame_count == 0)
        printf("%s\n??:0\n", name.function != NULL ? name.function : "??");
    for (uint32_t i = 0; i < name.frame_count; i++) {
        const struct pando_symbols_frame *frame = &name.frames[i];
        printf("%s\n%s:%u\n", frame->function != NULL ? frame->function : "??", frame->file != NULL ? frame->file : "??",
               frame->line);
    }
}

static void print_object(void *context, const struct pando_symbols_object *object)
{
    (void)context;
    printf("%s|%s|%s|%s|%s|%s|%s\n", object->name, object->build_id, object->names_from,
           object->lines_from != NULL ? object->lines_from : "", object->debug_path != NULL ? object->debug_path : "",
           object->has_unwind ? "unwind" : "", object->missing != NULL ? object->missing : "");
}

static int print_objects(const char *pid, struct pando_symbols *symbols, char *maps)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got;
    while (fd >= 0 && (got = read(fd, maps + len, MAPS_BYTES - len)) > 0)
        len += (size_t)got;
    pando_symbols_set_process(symbols, atoi(pid));
    if (fd < 0 || pando_symbols_update_maps(symbols, maps, len) != 0)
        return 1;
    pando_symbols_visit_objects(symbols, print_object, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    bool wants_lines = true, objects = false;
    size_t mib = 1024;
    int at = 1;
    for (; at < argc - 1; at++) {
        if (strcmp(argv[at], "--names") == 0)
            wants_lines = false;
        else if (strcmp(argv[at], "--objects") == 0)
            objects = true;
        else if (strcmp(argv[at], "--mib") == 0)
            mib = strtoul(argv[++at], NULL, 10);
    }
    static char maps[MAPS_BYTES];
    struct segments segments = {0};
    struct pando_symbols *symbols = pando_symbols_new(NAMES_LIMIT_BYTES);
    if (at >= argc || symbols == NULL ||
        (wants_lines && pando_symbols_want_lines(symbols, mib << 20, getenv("DEBUGINFOD_URLS") != NULL) != 0))
        return 2;
    if (objects) {
        int error = print_objects(argv[at], symbols, maps);
        pando_symbols_free(symbols);
        return error;
    }
    if (!map_on_paper(argv[at], maps, &segments) || pando_symbols_update_maps(symbols, maps, strlen(maps)) != 0) {
        fprintf(stderr, "symbols_dump: \"%s\" is no ELF object\n", argv[at]);
        return 1;
    }
    char line[64];
    double start = now_ms(), first = 0;
    unsigned long count = 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        print_address(symbols, strtoull(line, NULL, 16), wants_lines);
        if (count++ == 0)
            first = now_ms() - start;
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    struct pando_symbols_counts counts = pando_symbols_counted(symbols);
    fprintf(stderr, "addresses=%lu first_ms=%.1f all_ms=%.1f peak_kib=%ld opened=%llu over_limit=%llu\n", count, first,
            now_ms() - start, used.ru_maxrss, (unsigned long long)counts.lines_opened,
            (unsigned long long)(counts.objects_over_limit + counts.places_over_limit));
    pando_symbols_free(symbols);
    return 0;
}
