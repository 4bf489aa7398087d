/* A program that links libpando and decides itself when it is profiled.
 * Usage: example_linked URL [GROUP]    (URL: of a receiver, as `pando serve` prints it) */
#include <inttypes.h>
#include <pando.h>
#include <stdio.h>

__attribute__((noinline)) static uint64_t collatz_steps(uint64_t number)
{
    uint64_t steps = 0;
    for (; number != 1; steps++)
        number = number % 2 == 0 ? number / 2 : 3 * number + 1;
    return steps;
}

__attribute__((noinline)) static uint64_t longest_below(uint64_t limit)
{
    uint64_t longest = 0;
    for (uint64_t number = 1; number < limit; number++) {
        uint64_t steps = collatz_steps(number);
        longest = steps > longest ? steps : longest;
    }
    return longest;
}

static void print_if_not_zero(void *context, const char *name, uint64_t value)
{
    (void)context;
    if (value != 0)
        printf("  %s: %" PRIu64 "\n", name, value);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: example_linked URL [GROUP]\n");
        return 2;
    }
    const struct pando_options options = {
        .struct_bytes = sizeof options, .url = argv[1], .group = argc > 2 ? argv[2] : "example", .rate_hz = 200};
    if (pando_start(&options) != 0)
        fprintf(stderr, "not profiled: %s\n", pando_problem()); /* and the program goes on */
    printf("longest chain below two million: %" PRIu64 " steps\n", longest_below(2000000));
    if (pando_flush(5000) != 0)
        fprintf(stderr, "not delivered: %s\n", pando_problem());
    printf("what Pando counted:\n");
    pando_counters_visit(print_if_not_zero, NULL);
    if (pando_stop() != 0)
        fprintf(stderr, "not stopped cleanly: %s\n", pando_problem());
    return 0;
}
