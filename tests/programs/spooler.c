// link: pando_uploader pando_base
/* Seals so many small payloads for URL and GROUP with a spool in FOLDER, and says the token of each as soon as it is sealed. Then
 * waits until all are delivered (at most SECONDS), and says the counters, as JSON. With 0 payloads it waits until the folder is empty.
 * For spool_test.py. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "uploader/uploader.h"

static struct pando_uploader_counters counters;

static int files_in(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        count += strstr(entry->d_name, ".profile") != NULL;
    if (folder != NULL)
        closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    struct pando_uploader *uploader;
    char message[300], body[64];
    if (argc != 6)
        return 2;
    pando_log_open("stderr", PANDO_LOG_DEBUG);
    const char *limit = getenv("PANDO_TEST_LIMIT_BYTES");
    struct pando_uploader_config config = {.url = argv[1], .group = argv[2], .spool = argv[3], .counters = &counters,
                                           .spool_limit_bytes = limit != NULL ? strtoull(limit, NULL, 10) : 0, .tries_max = 3,
                                           .backoff_first_ms = 5, .backoff_max_ms = 20};
    if (pando_uploader_new(&config, &uploader, message, sizeof message) != 0)
        return 2;
    pando_uploader_prepare(uploader);
    int count = atoi(argv[4]);
    uint64_t deadline = pando_clock_mono_ns() + (uint64_t)atoi(argv[5]) * 1000000000u;
    for (int i = 0; i < count; i++) {
        snprintf(body, sizeof body, "{\"number\":%d}", i);
        struct pando_payload *payload = pando_payload_new(strdup(body), strlen(body), "application/json", 1);
        char token[PANDO_TOKEN_SIZE];
        memcpy(token, payload->token, sizeof token);
        pando_uploader_submit(uploader, payload);
        printf("%s\n", token);
        fflush(stdout);
    }
    if (count != 0)
        pando_uploader_flush(uploader, deadline);
    while (count == 0 && files_in(argv[3]) != 0 && pando_clock_mono_ns() < deadline)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    pando_uploader_close(uploader);
    printf("{\"delivered\":%llu,\"rejected\":%llu,\"gave_up\":%llu,\"queue_full\":%llu,\"kept\":%llu,\"taken_over\":%llu,\"failures\":%llu,"
           "\"dropped\":%llu,\"samples_lost\":%llu}\n", counters.posts_delivered, counters.posts_rejected, counters.posts_gave_up,
           counters.posts_queue_full, counters.posts_kept, counters.posts_taken_over, counters.spool_failures,
           counters.spool_dropped, counters.samples_lost);
    return 0;
}
