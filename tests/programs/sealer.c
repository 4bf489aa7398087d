// link: pando_uploader pando_profile pando_base
/* Seals COUNT small profiles one after the other, as the worker does, and keeps a ledger that survives SIGKILL: a line before each is
 * sealed ("seal NAME TOKEN SELF BELOW"), one after it ("sealed TOKEN"), "end" at the end, and the uploader's counters in a file that is
 * mapped (LEDGER.counters). NAME is a frame of that profile only, so a receiver's tree tells how often each has been counted.
 * COUNT 0: waits until the spool is empty. TROUBLE: letters; d: names are looked up badly; c: the wall clock jumps.
 * For exactly_once.py. The host "receiver.test" is 127.0.0.1 here. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "profile/codeguru_json.h"
#include "uploader/uploader.h"

enum { LOOK_UP_HANG_MS = 1500, JUMP_MAX_S = 3 * 86400, DRAIN_S = 60, FLUSH_S = 3 };

static _Atomic uint64_t random_state;
static atomic_llong jump_s;
static const char *trouble;
static int ledger;

static uint64_t random_below(uint64_t limit)
{
    uint64_t before = atomic_load(&random_state), after;
    do {
        after = before * 6364136223846793005u + 1442695040888963407u;
    } while (!atomic_compare_exchange_weak(&random_state, &before, after));
    return (after >> 33) % limit;
}

static void sleep_ms(uint64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

/* In front of libc's, for this program and its libraries. */
#define SHOWN __attribute__((visibility("default")))

SHOWN int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, ret_now);
    if (result == 0 && clock == CLOCK_REALTIME)
        ret_now->tv_sec += (time_t)atomic_load(&jump_s);
    return result;
}

static struct addrinfo *loopback_of(const char *port)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    real("127.0.0.1", port, &hints, &found);
    return found;
}

SHOWN int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **ret_found)
{
    (void)name;
    (void)hints;
    if (strchr(trouble, 'd') != NULL) {
        uint64_t fate = random_below(20);
        if (fate == 0)
            sleep_ms(LOOK_UP_HANG_MS);
        if (fate <= 2)
            return fate == 1 ? EAI_AGAIN : EAI_NONAME;
    }
    *ret_found = loopback_of(port);
    return *ret_found != NULL ? 0 : EAI_MEMORY;
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
    char line[300];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (write(ledger, line, (size_t)len) != len)
        exit(3);
}

static uint32_t string(struct pando_profile_builder *builder, const char *text)
{
    return (uint32_t)pando_profile_builder_string(builder, text, strlen(text));
}

static uint32_t child(struct pando_profile_builder *builder, uint32_t parent, const char *name)
{
    struct pando_profile_frame frame = {.name = string(builder, name)};
    return (uint32_t)pando_profile_builder_child(builder, parent, (uint32_t)pando_profile_builder_frame(builder, frame));
}

static struct pando_payload *make_payload(const char *name, uint64_t self, uint64_t below)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    meta->start_wall_ms = pando_clock_wall_ns() / 1000000;
    meta->end_wall_ms = meta->start_wall_ms + 1000;
    meta->weight_per_second = 100;
    meta->samples = self + below;
    meta->counter_name = string(builder, "WALL_TIME");
    meta->agent_type = string(builder, "Pando");
    uint32_t own = child(builder, 0, name);
    pando_profile_builder_add_self(builder, own, self);
    pando_profile_builder_add_self(builder, child(builder, own, "below"), below);
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    struct pando_buffer body;
    pando_buffer_init(&body, 1 << 20);
    if (profile == NULL || pando_codeguru_json_encode(profile, &body) != 0)
        exit(3);
    pando_profile_free(profile);
    size_t len_bytes;
    char *bytes = pando_buffer_detach(&body, &len_bytes);
    return pando_payload_new(bytes, len_bytes, "application/json", self + below);
}

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

static struct pando_uploader_counters *map_counters(const char *ledger_path)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.counters", ledger_path);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(struct pando_uploader_counters)) != 0)
        exit(3);
    void *memory = mmap(NULL, sizeof(struct pando_uploader_counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return memory != MAP_FAILED ? memory : (exit(3), NULL);
}

static void seal(struct pando_uploader *uploader, const char *run, int number)
{
    char name[100], token[PANDO_TOKEN_SIZE];
    uint64_t self = 1 + random_below(1000), below = 1 + random_below(1000);
    snprintf(name, sizeof name, "interval %s %d", run, number);
    struct pando_payload *payload = make_payload(name, self, below);
    memcpy(token, payload->token, sizeof token);
    note("seal\t%s\t%s\t%llu\t%llu\n", name, token, (unsigned long long)self, (unsigned long long)below);
    pando_uploader_submit(uploader, payload);
    note("sealed\t%s\n", token);
}

int main(int argc, char **argv)
{
    struct pando_uploader *uploader;
    char message[300];
    if (argc != 8)
        return 2;
    trouble = argv[7];
    atomic_store(&random_state, strtoull(argv[6], NULL, 10));
    ledger = open(argv[4], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pando_log_open("stderr", PANDO_LOG_ERROR);
    bool has_spool = strcmp(argv[3], "-") != 0;
    struct pando_uploader_config config = {.url = argv[1], .group = argv[2], .spool = has_spool ? argv[3] : NULL,
                                           .counters = map_counters(argv[4]), .tries_max = 4, .backoff_first_ms = 5,
                                           .backoff_max_ms = 40, .connect_timeout_ms = 300, .total_timeout_ms = 600};
    if (ledger < 0 || pando_uploader_new(&config, &uploader, message, sizeof message) != 0)
        return 2;
    pando_uploader_prepare(uploader);
    int count = atoi(argv[5]);
    for (int i = 0; i < count; i++) {
        if (strchr(trouble, 'c') != NULL && random_below(5) == 0)
            atomic_store(&jump_s, (long long)random_below(2 * JUMP_MAX_S) - JUMP_MAX_S);
        seal(uploader, argv[6], i);
        sleep_ms(random_below(4) == 0 ? random_below(30) : 0);
    }
    uint64_t deadline = pando_clock_mono_ns() + (count != 0 ? FLUSH_S : DRAIN_S) * 1000000000ull;
    if (count != 0)
        pando_uploader_flush(uploader, deadline);
    while (count == 0 && files_in(argv[3]) != 0 && pando_clock_mono_ns() < deadline)
        sleep_ms(5);
    pando_uploader_close(uploader);
    note("end\n");
    return 0;
}
