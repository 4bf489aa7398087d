/* Why: symbols/perf_map.h. Context: as there. */
#include "symbols/perf_map.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/plain_text.h"

enum {
    CHUNK_BYTES = 64 << 10,
    LINE_MAX_BYTES = 8192,
    NAME_MAX_BYTES = 1023,
    FUNCTION_MAX_BYTES = 1 << 28,
};

struct function {
    uint64_t start;
    uint32_t bytes;
    uint32_t name;       /* offset in names */
    uint32_t number;     /* in the order of the file: code is thrown away and other code put there; the last one is there now */
};

struct pando_perf_map {
    size_t limit_bytes;
    struct function *functions;
    size_t count, capacity;
    uint32_t numbers_given;
    bool is_sorted;
    char *names;
    size_t names_bytes, names_capacity;
    uint64_t longest;            /* of any function: how far back one may begin that has an address */
    dev_t device;                /* of the file that was read so far */
    ino_t inode;
    off_t read_bytes;
    char rest[LINE_MAX_BYTES];   /* a line without its end */
    size_t rest_bytes;
};

struct pando_perf_map *pando_perf_map_new(size_t limit_bytes)
{
    struct pando_perf_map *map = calloc(1, sizeof *map);
    if (map != NULL)
        map->limit_bytes = limit_bytes;
    return map;
}

static void empty(struct pando_perf_map *map)
{
    free(map->functions);
    free(map->names);
    *map = (struct pando_perf_map){.limit_bytes = map->limit_bytes};
}

void pando_perf_map_free(struct pando_perf_map *map)
{
    if (map == NULL)
        return;
    empty(map);
    free(map);
}

size_t pando_perf_map_bytes(const struct pando_perf_map *map)
{
    return sizeof *map + map->capacity * sizeof *map->functions + map->names_capacity;
}

static int reserve(struct pando_perf_map *map, void **items, size_t count, size_t more, size_t *capacity, size_t item_bytes)
{
    if (*capacity - count >= more)
        return 0;
    size_t larger = *capacity + *capacity / 2 + more + 256;
    if (pando_perf_map_bytes(map) + (larger - *capacity) * item_bytes > map->limit_bytes)
        return PANDO_ERR_LIMIT;
    void *moved = realloc(*items, larger * item_bytes);
    if (moved == NULL)
        return PANDO_ERR_NO_MEMORY;
    *items = moved;
    *capacity = larger;
    return 0;
}

static int add_line(struct pando_perf_map *map, const char *line, size_t len)
{
    struct pando_cursor cursor = pando_cursor_of(line, len);
    uint64_t start, bytes;
    pando_cursor_skip_blanks(&cursor);
    if (pando_cursor_hex(&cursor, UINT64_MAX, &start) != 0 || pando_cursor_skip_char(&cursor, ' ') != 0 ||
        pando_cursor_hex(&cursor, FUNCTION_MAX_BYTES, &bytes) != 0 || pando_cursor_skip_char(&cursor, ' ') != 0 || bytes == 0 ||
        start > UINT64_MAX - bytes || pando_cursor_at_end(&cursor))
        return 0;
    size_t name_bytes = (size_t)(cursor.end - cursor.at);
    name_bytes = name_bytes < NAME_MAX_BYTES ? name_bytes : NAME_MAX_BYTES;
    int error = reserve(map, (void **)&map->functions, map->count, 1, &map->capacity, sizeof *map->functions);
    if (error == 0)
        error = reserve(map, (void **)&map->names, map->names_bytes, name_bytes + 1, &map->names_capacity, 1);
    if (error == 0 && map->names_bytes + name_bytes >= UINT32_MAX)
        error = PANDO_ERR_LIMIT;
    if (error != 0)
        return error;
    map->functions[map->count++] = (struct function){.start = start, .bytes = (uint32_t)bytes, .name = (uint32_t)map->names_bytes,
                                                     .number = ++map->numbers_given};
    memcpy(map->names + map->names_bytes, cursor.at, name_bytes);
    map->names[map->names_bytes + name_bytes] = '\0';
    map->names_bytes += name_bytes + 1;
    map->longest = bytes > map->longest ? bytes : map->longest;
    map->is_sorted = false;
    return 0;
}

int pando_perf_map_add(struct pando_perf_map *map, const char *text, size_t len_bytes)
{
    int error = 0;
    while (len_bytes != 0 && error == 0) {
        const char *newline = memchr(text, '\n', len_bytes);
        size_t part = newline != NULL ? (size_t)(newline - text) : len_bytes;
        if (map->rest_bytes == 0 && newline != NULL) {
            error = add_line(map, text, part);
        } else {
            size_t room = sizeof map->rest - map->rest_bytes, kept = part < room ? part : room;
            memcpy(map->rest + map->rest_bytes, text, kept);
            map->rest_bytes += kept;
            if (newline != NULL) {
                error = add_line(map, map->rest, map->rest_bytes);
                map->rest_bytes = 0;
            }
        }
        part += newline != NULL ? 1 : 0;
        text += part;
        len_bytes -= part;
    }
    return error;
}

/* Takes ":12:3" or ":12" off the end. */
static uint32_t cut_line(char *file)
{
    uint32_t numbers[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        char *colon = strrchr(file, ':');
        struct pando_cursor cursor = pando_cursor_of_text(colon != NULL ? colon + 1 : "");
        uint64_t number;
        if (pando_cursor_decimal(&cursor, UINT32_MAX, &number) != 0 || !pando_cursor_at_end(&cursor))
            break;
        *colon = '\0';
        numbers[1] = numbers[0];
        numbers[0] = (uint32_t)number;
    }
    return numbers[0];
}

void pando_perf_name_parse(const char *text, struct pando_perf_name *name)
{
    static const char *const javascript[] = {"JS:", "LazyCompile:", "Function:", "Script:", "Eval:"};
    const char *rest = text, *file = NULL;
    name->file[0] = '\0';
    name->line = 0;
    if (strncmp(text, "py::", 4) == 0) {
        rest = text + 4;
        file = strchr(rest, ':');
    }
    for (size_t i = 0; i < sizeof javascript / sizeof javascript[0] && rest == text; i++) {
        if (strncmp(text, javascript[i], strlen(javascript[i])) != 0)
            continue;
        rest += strlen(javascript[i]);
        rest += strspn(rest, "~^+*");
        file = strchr(rest, ' ');
    }
    size_t len = file != NULL ? (size_t)(file - rest) : strlen(rest);
    if (len == 0)
        rest = "(anonymous)";
    char plain[sizeof name->function];
    snprintf(plain, sizeof plain, "%.*s", (int)(len != 0 ? len : strlen(rest)), rest);
    pando_plain_text(plain, name->function, sizeof name->function);
    if (file == NULL || file[1] == '\0')
        return;
    pando_plain_text(file + 1, name->file, sizeof name->file);
    name->line = cut_line(name->file);
}

/* The number that the process has in its own namespace, which is the one it names its file by. */
static int own_number(const struct pando_object_process *process)
{
    char path[64], text[4096];
    if (process->pid == 0)
        return (int)getpid();
    snprintf(path, sizeof path, "/proc/%d/status", process->pid);
    int fd = pando_object_file_open_path(path);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return process->pid;
    text[got] = '\0';
    const char *line = strstr(text, "\nNSpid:");
    if (line == NULL)
        return process->pid;
    int number = process->pid;
    for (char *end = (char *)line + sizeof "\nNSpid:" - 1; *end != '\n' && *end != '\0';) {
        char *before = end;
        long value = strtol(before, &end, 10);
        if (end == before)
            break;
        number = (int)value;
    }
    return number;
}

static int open_map(const struct pando_object_process *process, struct stat *status)
{
    char path[96];
    snprintf(path, sizeof path, "%s/tmp/perf-%d.map", process->root, own_number(process));
    int low = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    int fd = low >= 0 ? fcntl(low, F_DUPFD_CLOEXEC, 10) : -1; /* shells and daemons count on the numbers below */
    if (low >= 0)
        close(low);
    if (fd < 0)
        return -1;
    if (fstat(fd, status) != 0 || !S_ISREG(status->st_mode) || (status->st_uid != geteuid() && status->st_uid != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

int pando_perf_map_update(struct pando_perf_map *map, const struct pando_object_process *process)
{
    struct stat status;
    int fd = open_map(process, &status);
    if (fd < 0)
        return PANDO_ERR_NOT_FOUND;
    if (status.st_dev != map->device || status.st_ino != map->inode || status.st_size < map->read_bytes) {
        empty(map); /* another file, e.g. after fork, or one that was begun anew */
        map->device = status.st_dev;
        map->inode = status.st_ino;
    }
    char *chunk = malloc(CHUNK_BYTES);
    int error = chunk != NULL ? 0 : PANDO_ERR_NO_MEMORY;
    while (error == 0) {
        ssize_t got = pread(fd, chunk, CHUNK_BYTES, map->read_bytes);
        if (got <= 0) {
            error = got < 0 ? PANDO_ERR_IO : 0;
            break;
        }
        map->read_bytes += got;
        error = pando_perf_map_add(map, chunk, (size_t)got);
    }
    free(chunk);
    close(fd);
    return error;
}

static int by_start(const void *a, const void *b)
{
    const struct function *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

const char *pando_perf_map_find(struct pando_perf_map *map, uint64_t address)
{
    if (!map->is_sorted && map->count != 0)
        qsort(map->functions, map->count, sizeof *map->functions, by_start);
    map->is_sorted = true;
    size_t low = 0, high = map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->functions[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct function *found = NULL;
    for (size_t tries = 0; low > 0 && tries < 4096 && address - map->functions[low - 1].start < map->longest; tries++) {
        const struct function *function = &map->functions[--low];
        if (address - function->start < function->bytes && (found == NULL || function->number > found->number))
            found = function;
    }
    return found != NULL ? map->names + found->name : NULL;
}
