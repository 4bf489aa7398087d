// link: pando_symbols pando_base
/* Why: soak tests of what reads other people's bytes in symbols/: ELF objects, their debug information, maps, mangled
 * names and perf maps. Run by hand or by a fuzzer; tests/unit has short versions of the same.
 * Usage: symbols_fuzz elf|maps|names|debug|perf FILE [ROUNDS [SEED]]: damages FILE ROUNDS times (0: as it is) and reads it each time.
 * With -DPANDO_LIBFUZZER it is a target of libFuzzer; the first byte of the input chooses the reader. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbols/debug_lines.h"
#include "symbols/demangle.h"
#include "symbols/elf_names.h"
#include "symbols/mini_debug.h"
#include "symbols/perf_map.h"
#include "symbols/symbols.h"

enum { LIMIT_BYTES = 16 << 20, INPUT_MAX_BYTES = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

static void read_elf(const char *bytes, size_t len_bytes)
{
    char *own = malloc(len_bytes + 1);
    struct pando_elf_names *names = NULL;
    if (own == NULL)
        return;
    memcpy(own, bytes, len_bytes);
    if (pando_elf_names_read_memory(own, len_bytes, LIMIT_BYTES, &names) == 0) {
        for (uint64_t offset = 0; offset < len_bytes; offset += len_bytes / 64 + 1) {
            uint64_t start;
            pando_elf_names_find(names, offset, &start);
        }
        if (pando_elf_names_bytes(names) > LIMIT_BYTES)
            abort();
        pando_elf_names_free(names);
    }
    free(own);
}

static void read_maps(const char *bytes, size_t len_bytes)
{
    struct pando_symbols *symbols = pando_symbols_new(LIMIT_BYTES);
    char *own = malloc(len_bytes + 1);
    if (symbols == NULL || own == NULL)
        abort();
    memcpy(own, bytes, len_bytes);
    pando_symbols_update_maps(symbols, own, len_bytes / 2);
    pando_symbols_update_maps(symbols, own, len_bytes);
    free(own);
    pando_symbols_free(symbols);
}

static void read_names(const char *bytes, size_t len_bytes)
{
    char symbol[2048], text[PANDO_DEMANGLE_TEXT_BYTES];
    for (const char *at = bytes, *end = bytes + len_bytes; at < end;) {
        size_t len = (size_t)(end - at);
        const char *newline = memchr(at, '\n', len);
        len = newline != NULL ? (size_t)(newline - at) : len;
        size_t kept = len < sizeof symbol ? len : sizeof symbol - 1;
        memcpy(symbol, at, kept);
        symbol[kept] = '\0';
        if (pando_demangle(symbol, text, sizeof text) != strlen(text))
            abort();
        at += len + 1;
    }
}

/* As a file, of whose sections only those with debug information are damaged, where there are any: the rest is read_elf's. */
static void read_debug(const char *bytes, size_t len_bytes)
{
    static int fd = -1;
    struct pando_debug_lines *lines;
    struct pando_elf_sections sections;
    struct pando_build_id id;
    char *path, *mini;
    size_t mini_bytes;
    fd = fd >= 0 ? fd : memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, bytes, len_bytes, 0) != (ssize_t)len_bytes)
        return;
    if (pando_elf_sections_read(fd, &sections) == 0) {
        pando_elf_sections_build_id(&sections, &id);
        if (pando_debug_lines_alternate(&sections, &path, &id) == 0)
            free(path);
        if (pando_mini_debug_read(&sections, LIMIT_BYTES, &mini, &mini_bytes) == 0)
            free(mini);
    }
    pando_elf_sections_release(&sections);
    if (pando_debug_lines_open(fd, -1, 4 * LIMIT_BYTES, SIZE_MAX, &lines) != 0)
        return;
    for (uint64_t address = 0x1000; address < 0x40000; address += 0x11f) {
        struct pando_debug_frame frames[PANDO_DEBUG_FRAMES_MAX];
        uint32_t count;
        if (pando_debug_lines_find(lines, address, frames, &count) != 0)
            continue;
        for (uint32_t i = 0; i < count; i++)
            if ((frames[i].name != NULL && strlen(frames[i].name) > len_bytes * 1100) ||
                (frames[i].file != NULL && strlen(frames[i].file) > len_bytes * 1100))
                abort();
    }
    pando_debug_lines_close(lines);
}

static void read_perf(const char *bytes, size_t len_bytes)
{
    struct pando_perf_map *map = pando_perf_map_new(1 << 16);
    struct pando_perf_name name;
    char text[512];
    size_t half = len_bytes / 2, kept = len_bytes < sizeof text ? len_bytes : sizeof text - 1;
    pando_perf_map_add(map, bytes, half);
    pando_perf_map_add(map, bytes + half, len_bytes - half);
    for (uint64_t address = 0; address < 0x10000; address += 0x55) {
        const char *found = pando_perf_map_find(map, address);
        if (found != NULL)
            pando_perf_name_parse(found, &name);
    }
    if (pando_perf_map_bytes(map) > 1 << 16)
        abort();
    pando_perf_map_free(map);
    memcpy(text, bytes, kept);
    text[kept] = '\0';
    pando_perf_name_parse(text, &name);
}

static void (*const readers[])(const char *, size_t) = {read_elf, read_maps, read_names, read_debug, read_perf};
enum { READERS = sizeof readers / sizeof readers[0] };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    if (len_bytes != 0)
        readers[bytes[0] % READERS]((const char *)bytes + 1, len_bytes - 1);
    return 0;
}

#ifndef PANDO_LIBFUZZER
static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 32;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"elf", "maps", "names", "debug", "perf"};
    size_t kind = 0;
    while (argc >= 3 && kind < READERS && strcmp(argv[1], kinds[kind]) != 0)
        kind++;
    FILE *file = argc >= 3 && kind < READERS ? fopen(argv[2], "rb") : NULL;
    char *input = malloc(INPUT_MAX_BYTES), *damaged = malloc(INPUT_MAX_BYTES);
    if (file == NULL || input == NULL || damaged == NULL) {
        fputs("usage: symbols_fuzz elf|maps|names|debug|perf FILE [ROUNDS [SEED]]\n", stderr);
        return 2;
    }
    size_t len = fread(input, 1, INPUT_MAX_BYTES, file);
    fclose(file);
    unsigned long rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    uint64_t seed = argc > 4 ? strtoul(argv[4], NULL, 10) : 1;
    readers[kind](input, len);
    for (unsigned long i = 0; i < rounds && len != 0; i++) {
        memcpy(damaged, input, len);
        size_t cut = next_random(&seed) % (readers[kind] == read_debug ? 64 : 4) == 0 ? next_random(&seed) % len + 1 : len;
        for (uint64_t times = next_random(&seed) % 8; times > 0; times--) {
            size_t at = next_random(&seed) % len;
            if (next_random(&seed) % (readers[kind] == read_debug ? 256 : 2) == 0)
                at = at % 4096 % len;
            damaged[at] = next_random(&seed) % 2 == 0 ? (char)next_random(&seed) : (char)(damaged[at] ^ (1 << (at & 7)));
        }
        readers[kind](damaged, cut);
    }
    free(input);
    free(damaged);
    return 0;
}
#endif
