/* A host under Pando that ends COUNT intervals by itself, a few milliseconds of CPU time each, then stops Pando and says what it has
 * counted: "samplesFolded 123", a counter a line. With COUNT 0 it goes on until the folder SPOOL has no profile any more.
 * For exactly_once_test.py. Usage: flusher COUNT [SPOOL] */
#include <dirent.h>
#include <pando.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burn.h"

#pragma weak pando_flush
#pragma weak pando_stop
#pragma weak pando_counters_visit

enum { BURN_MS = 5, FLUSH_MS = 30, ROUNDS_MAX = 2000 };

static bool has_profiles(const char *path)
{
    bool found = false;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        found |= strstr(entry->d_name, ".profile") != NULL;
    if (folder != NULL)
        closedir(folder);
    return found;
}

static void say(void *context, const char *name, uint64_t value)
{
    (void)context;
    printf("%s %llu\n", name, (unsigned long long)value);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1;
    if (pando_flush == NULL)
        return 3;
    for (int i = 0; i < count || (count == 0 && i < ROUNDS_MAX && has_profiles(argv[2])); i++) {
        burn_ms(BURN_MS);
        pando_flush(FLUSH_MS);
    }
    pando_stop();
    pando_counters_visit(say, NULL);
    return 0;
}
