// link: pando_base
/* Inlined functions, and one function from several lines, for lines_test.py. The lines with MARK are what the test looks for.
 * Usage: inlined CPU_SECONDS */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static volatile uint64_t sink;

static inline __attribute__((always_inline)) uint64_t innermost(uint64_t value)
{
    for (int i = 0; i < 2000; i++)
        value = value * 6364136223846793005u + 1442695040888963407u; /* MARK innermost */
    return value;
}

static inline __attribute__((always_inline)) uint64_t middle(uint64_t value)
{
    return innermost(value ^ 1) + 1; /* MARK middle */
}

__attribute__((noinline)) static uint64_t outer(uint64_t value)
{
    value = middle(value); /* MARK outer first */
    sink = value;
    return middle(value + 3) ^ value; /* MARK outer last */
}

int main(int argc, char **argv)
{
    uint64_t cpu_ns = argc > 1 ? strtoul(argv[1], NULL, 10) * UINT64_C(1000000000) : 0;
    while (pando_clock_process_cpu_ns() < cpu_ns)
        sink = outer(sink); /* MARK main */
    printf("%llu\n", (unsigned long long)sink);
    return 0;
}
