/* Why: what the fuzz targets share that take any bytes, the first of which chooses the reader, as the files in corpus/NAME do.
 * Usage of such a program: NAME_fuzz ROUNDS SEED FILE...: reads each FILE as it is, then damaged ROUNDS times. With
 * -DPANDO_LIBFUZZER it is a target of libFuzzer, which has a main of its own.
 * Context: included by one file of a program, which defines LLVMFuzzerTestOneInput. */
#ifndef PANDO_TESTS_FUZZ_MAIN_H
#define PANDO_TESTS_FUZZ_MAIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

static inline void require(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

#ifndef PANDO_LIBFUZZER
static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 32;
}

int main(int argc, char **argv)
{
    uint8_t *input = malloc(INPUT_MAX_BYTES), *damaged = malloc(INPUT_MAX_BYTES);
    unsigned long rounds = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
    uint64_t seed = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
    for (int i = 3; i < argc && input != NULL && damaged != NULL; i++) {
        FILE *file = fopen(argv[i], "rb");
        require(file != NULL, argv[i]);
        size_t len = fread(input, 1, INPUT_MAX_BYTES, file);
        fclose(file);
        LLVMFuzzerTestOneInput(input, len);
        for (unsigned long round = 0; round < rounds && len > 1; round++) {
            memcpy(damaged, input, len);
            for (uint64_t times = next_random(&seed) % 8; times > 0; times--) {
                size_t at = 1 + next_random(&seed) % (len - 1);
                damaged[at] = next_random(&seed) % 2 == 0 ? (uint8_t)next_random(&seed) : (uint8_t)(damaged[at] ^ (1 << (at & 7)));
            }
            LLVMFuzzerTestOneInput(damaged, next_random(&seed) % 4 == 0 ? next_random(&seed) % len + 1 : len);
        }
    }
    free(input);
    free(damaged);
    if (argc < 4)
        fputs("usage: NAME_fuzz ROUNDS SEED FILE...\n", stderr);
    return argc < 4 ? 2 : 0;
}
#endif

#endif
