/* A fixed amount of work, 25 calls deep, in one or more threads: what a profiler adds to it is what the bench measures.
 * Usage: workload ROUNDS [THREADS] */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static volatile uint64_t sink;
static long rounds;

__attribute__((noinline)) static uint64_t descend(int depth, uint64_t x)
{
    if (depth == 0) {
        for (int i = 0; i < 20000; i++)
            x = x * 6364136223846793005u + 1442695040888963407u;
        return x;
    }
    return descend(depth - 1, x + (uint64_t)depth) ^ 1;
}

static void *work(void *unused)
{
    uint64_t x = 1;
    for (long i = 0; i < rounds; i++)
        x = descend(22, x); /* with main, the C library's two and _start: 25 or 26 frames */
    sink = x;
    return unused;
}

int main(int argc, char **argv)
{
    rounds = argc > 1 ? atol(argv[1]) : 100000;
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    pthread_t *list = calloc((size_t)threads, sizeof *list);
    for (int i = 1; i < threads; i++)
        pthread_create(&list[i], NULL, work, NULL);
    work(NULL);
    for (int i = 1; i < threads; i++)
        pthread_join(list[i], NULL);
    free(list);
    return 0;
}
