#define _GNU_SOURCE
/* Pando: threads with names and labels, requests with spans. Two workers serve customers of three classes, for 1, 2 and 3 parts of
 * the time, and the page and the report can say what each of them costs:
 *
 *     PANDO_URL=http://127.0.0.1:8080 PANDO_GROUP=labels PANDO_LABELS=version=1.2 build/examples/example_labels 5
 *     build/cli/pando report --url http://127.0.0.1:8080 --group labels --label class:gold
 *     build/cli/pando report --url http://127.0.0.1:8080 --group labels --thread worker-1
 *
 * A program that is not linked with libpando, but may be preloaded with it, finds the functions by dlsym(RTLD_DEFAULT, ...). */
#include <pando.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds = 2;

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static volatile unsigned sink;

/* Some work, the same function for all. */
__attribute__((noinline)) static void compute(double until_s)
{
    while (cpu_s() < until_s)
        for (unsigned i = 0; i < 20000; i++)
            sink = sink * 31 + i;
}

static void serve(const char *class, double until_s)
{
    uint32_t before = pando_labels_save();
    pando_label_set("class", class);
    compute(until_s);
    pando_labels_restore(before);
}

static void *work(void *name)
{
    static const char *const classes[] = {"iron", "silver", "gold"};
    uint8_t trace[16] = {1}, span[8] = {1};
    pthread_setname_np(pthread_self(), name);
    pando_label_set("role", "worker");
    for (double at = 0; at < seconds;) {
        trace[1]++; /* as it came with the request */
        pando_trace_set(trace, span);
        for (int class = 0; class < 3; class++) {
            at += 0.01 * (class + 1);
            serve(classes[class], at);
        }
        pando_trace_clear();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static char names[2][16] = {"worker-1", "worker-2"};
    pthread_t threads[2];
    if (argc > 1)
        seconds = atof(argv[1]);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, work, names[i]) != 0)
            return 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
