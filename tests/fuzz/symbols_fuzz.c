// link: pando_symbols pando_base
/* Why: soak tests of what reads other people's bytes in symbols/: ELF objects, maps and mangled names. Run by hand or by a
 * fuzzer; tests/unit has short versions of the same.
 * Usage: symbols_fuzz elf|maps|names FILE [ROUNDS [SEED]]: damages FILE ROUNDS times (0: as it is) and reads it each time.
 * With -DPANDO_LIBFUZZER it is a target of libFuzzer; the first byte of the input chooses the reader. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/demangle.h"
#include "symbols/elf_names.h"
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

static void (*const readers[])(const char *, size_t) = {read_elf, read_maps, read_names};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    if (len_bytes != 0)
        readers[bytes[0] % 3]((const char *)bytes + 1, len_bytes - 1);
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
    static const char *const kinds[] = {"elf", "maps", "names"};
    size_t kind = 0;
    while (argc >= 3 && kind < 3 && strcmp(argv[1], kinds[kind]) != 0)
        kind++;
    FILE *file = argc >= 3 && kind < 3 ? fopen(argv[2], "rb") : NULL;
    char *input = malloc(INPUT_MAX_BYTES), *damaged = malloc(INPUT_MAX_BYTES);
    if (file == NULL || input == NULL || damaged == NULL) {
        fputs("usage: symbols_fuzz elf|maps|names FILE [ROUNDS [SEED]]\n", stderr);
        return 2;
    }
    size_t len = fread(input, 1, INPUT_MAX_BYTES, file);
    fclose(file);
    unsigned long rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    uint64_t seed = argc > 4 ? strtoul(argv[4], NULL, 10) : 1;
    readers[kind](input, len);
    for (unsigned long i = 0; i < rounds && len != 0; i++) {
        memcpy(damaged, input, len);
        size_t cut = next_random(&seed) % 4 == 0 ? next_random(&seed) % len + 1 : len;
        for (uint64_t times = next_random(&seed) % 8; times > 0; times--) {
            size_t at = next_random(&seed) % len;
            if (next_random(&seed) % 2 == 0)
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
