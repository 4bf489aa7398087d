/* Loads a receiver, or fills a store, with profiles made from a real one: each agent leaves out some of its branches, has some functions
 * of its own, and every interval weighs them anew.
 *
 *     store_load fill SEED.sqlite GROUP OUT.sqlite AGENTS INTERVALS START_MS NODES     profiles of 5 minutes, straight into a store
 *     store_load post SEED.sqlite GROUP HOST PORT CONNECTIONS POSTS PER_SECOND NODES   posts over HTTP, connections kept
 *     store_load roll STORE.sqlite                      rolls up what is due
 *     store_load ask STORE.sqlite GROUP START_MS END_MS TIMES [HOST]   sums of a range; before the first the file leaves the page cache
 *
 * NODES: of the seed, at most (0: all). PER_SECOND 0: as fast as it goes. It prints what was reached, and how long posts took. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "profile/codeguru_json.h"
#include "receiver/store.h"

enum { BODIES = 64, INTERVAL_MS = 300000, ANSWER_BYTES = 4096 };

static void die(const char *what)
{
    fprintf(stderr, "store_load: %s\n", what);
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint32_t mix(uint32_t a, uint32_t b)
{
    uint64_t hash = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9u;
    return (uint32_t)(hash >> 32);
}

static struct pando_profile *read_seed(const char *path, const char *group)
{
    char message[512];
    struct pando_store *store;
    struct pando_profile *profile;
    uint64_t count;
    if (pando_store_open(path, true, &store, message, sizeof message) != 0 ||
        pando_store_merge(store, group, 0, UINT64_MAX, &profile, &count, message, sizeof message) != 0)
        die(message);
    pando_store_close(store);
    return profile;
}

static uint32_t string(struct pando_profile_builder *builder, const char *text)
{
    int64_t number = pando_profile_builder_string(builder, text, strlen(text));
    if (number < 0)
        die("no memory");
    return (uint32_t)number;
}

static int64_t frame_of(struct pando_profile_builder *builder, const struct pando_profile *seed, uint32_t frame, uint32_t agent, bool is_own)
{
    const struct pando_profile_frame *from = &seed->frames[frame];
    char name[512];
    snprintf(name, sizeof name, is_own ? "%.480s<%u>" : "%.480s", seed->strings[from->name], agent);
    return pando_profile_builder_frame(builder, (struct pando_profile_frame){
        .name = string(builder, name), .object = string(builder, seed->strings[from->object]),
        .file = string(builder, seed->strings[from->file]), .line_min = from->line_min, .line_max = from->line_max});
}

static struct pando_profile *vary(const struct pando_profile *seed, uint32_t agent, uint32_t interval, uint64_t start_ms, uint32_t nodes)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
    uint32_t count = nodes == 0 || nodes > seed->node_count ? seed->node_count : nodes;
    int64_t *map = malloc(count * sizeof *map);
    if (builder == NULL || map == NULL)
        die("no memory");
    uint64_t samples = 0;
    map[0] = 0;
    for (uint32_t i = 1; i < count; i++) {
        const struct pando_profile_node *node = &seed->nodes[i];
        bool is_left_out = map[node->parent] < 0 || mix(agent, i) % 100 < 1 || mix(interval * 977 + agent, i) % 100 < 2;
        map[i] = is_left_out ? -1 : pando_profile_builder_child(builder, (uint32_t)map[node->parent],
                                        (uint32_t)frame_of(builder, seed, node->frame, agent, mix(agent + 7, node->frame) % 100 < 1));
        uint64_t weight = map[i] < 0 ? 0 : mix(interval + 31 * agent, i + 5) % 4 + (node->self != 0);
        if (weight != 0)
            pando_profile_builder_add_self(builder, (uint32_t)map[i], weight);
        samples += weight;
    }
    free(map);
    char host[32];
    snprintf(host, sizeof host, "host-%02u", agent);
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    *meta = (struct pando_profile_meta){
        .start_wall_ms = start_ms, .end_wall_ms = start_ms + INTERVAL_MS - 100, .active_ms = INTERVAL_MS - 100,
        .agent_start_wall_ms = start_ms - 1000, .weight_per_second = 100, .cpu_time_s = (double)samples / 100, .mean_threads = 8,
        .samples = samples, .pid = 1000 + agent, .vcpus = 2, .counter_name = string(builder, "WALL_TIME"),
        .agent_type = string(builder, "Pando"), .agent_version = string(builder, "0.1.0"), .runtime_version = string(builder, "glibc 2.36"),
        .host_name = string(builder, host), .process_name = string(builder, "cc1plus")};
    snprintf(meta->fleet_id, sizeof meta->fleet_id, "00000000-0000-4000-8000-%012u", agent);
    return pando_profile_builder_finish(builder);
}

static int fill(const struct pando_profile *seed, char **argv)
{
    char message[512];
    struct pando_store *store;
    uint32_t agents = (uint32_t)atoi(argv[5]), intervals = (uint32_t)atoi(argv[6]), nodes = (uint32_t)atoi(argv[8]);
    uint64_t start_ms = strtoull(argv[7], NULL, 10), node_sum = 0;
    if (pando_store_open(argv[4], false, &store, message, sizeof message) != 0)
        die(message);
    double begin_s = now_s();
    for (uint32_t interval = 0; interval < intervals; interval++) {
        for (uint32_t agent = 0; agent < agents; agent++) {
            struct pando_profile *profile = vary(seed, agent, interval, start_ms + interval * (uint64_t)INTERVAL_MS + agent * 1000, nodes);
            node_sum += profile->node_count;
            if (pando_store_put(store, argv[3], NULL, profile, message, sizeof message) != 0)
                die(message);
            pando_profile_free(profile);
        }
    }
    printf("%u profiles of %llu nodes on average in %.1f s\n", agents * intervals,
           (unsigned long long)(node_sum / ((uint64_t)agents * intervals)), now_s() - begin_s);
    pando_store_close(store);
    return 0;
}

static struct pando_buffer bodies[BODIES];
static struct {
    const char *host, *group;
    int port;
    long posts;
    double per_second, begin_s;
    double *took_s;
    atomic_long next, failed;
} load;

static int connect_to_receiver(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load.port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || inet_pton(AF_INET, load.host, &address.sin_addr) != 1 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        die("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* The status of an answer without a body, or of one that is short. */
static int read_status(int fd)
{
    char answer[ANSWER_BYTES + 1];
    size_t len = 0;
    while (len < ANSWER_BYTES) {
        ssize_t got = recv(fd, answer + len, ANSWER_BYTES - len, 0);
        if (got <= 0)
            return -1;
        len += (size_t)got;
        answer[len] = '\0';
        if (strstr(answer, "\r\n\r\n") != NULL)
            return atoi(answer + sizeof "HTTP/1.1 " - 1);
    }
    return -1;
}

static void *post(void *context)
{
    int fd = connect_to_receiver();
    (void)context;
    for (long number; (number = atomic_fetch_add(&load.next, 1)) < load.posts;) {
        if (load.per_second > 0) {
            double wait_s = load.begin_s + (double)number / load.per_second - now_s();
            if (wait_s > 0)
                usleep((useconds_t)(wait_s * 1e6));
        }
        const struct pando_buffer *body = &bodies[number % BODIES];
        char head[512];
        int len = snprintf(head, sizeof head,
                           "POST /profilingGroups/%s/agentProfile?profileToken=load-%d-%ld HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                           "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                           load.group, (int)getpid(), number, body->len_bytes);
        double begin_s = now_s();
        int status = send_all(fd, head, (size_t)len) && send_all(fd, body->bytes, body->len_bytes) ? read_status(fd) : -1;
        load.took_s[number] = now_s() - begin_s;
        if (status != 204) {
            atomic_fetch_add(&load.failed, 1);
            close(fd);
            fd = connect_to_receiver();
        }
    }
    close(fd);
    return NULL;
}

static int roll(const char *path)
{
    char message[512];
    struct pando_store *store;
    if (pando_store_open(path, false, &store, message, sizeof message) != 0)
        die(message);
    double begin_s = now_s();
    if (pando_store_roll_up(store, (uint64_t)time(NULL) * 1000, message, sizeof message) != 0)
        die(message);
    printf("rolled up in %.1f s\n", now_s() - begin_s);
    pando_store_close(store);
    return 0;
}

static void leave_page_cache(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fdatasync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
        die("cannot clear the page cache");
    close(fd);
}

static int ask(int argc, char **argv)
{
    const struct pando_store_query query = {.group = argv[3], .start_ms = strtoull(argv[4], NULL, 10),
                                            .end_ms = strtoull(argv[5], NULL, 10), .host = argc > 7 ? argv[7] : NULL};
    leave_page_cache(argv[2]);
    for (int i = 0; i < atoi(argv[6]); i++) {
        char message[512];
        struct pando_store *store;
        struct pando_profile *profile;
        uint64_t count;
        double begin_s = now_s();
        if (pando_store_open(argv[2], true, &store, message, sizeof message) != 0)
            die(message);
        double open_s = now_s();
        if (pando_store_sum(store, &query, &profile, &count, message, sizeof message) != 0)
            die(message);
        printf("%s: %llu profiles, %u nodes in %.0f ms (and %.0f ms to open)\n", i == 0 ? "cold" : "warm", (unsigned long long)count,
               profile->node_count, (now_s() - open_s) * 1e3, (open_s - begin_s) * 1e3);
        pando_profile_free(profile);
        pando_store_close(store);
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static int post_all(const struct pando_profile *seed, char **argv)
{
    int connections = atoi(argv[6]);
    uint32_t nodes = (uint32_t)atoi(argv[9]);
    load.host = argv[4];
    load.port = atoi(argv[5]);
    load.group = argv[3];
    load.posts = atol(argv[7]);
    load.per_second = atof(argv[8]);
    load.took_s = calloc((size_t)load.posts + 1, sizeof *load.took_s);
    pthread_t *threads = calloc((size_t)connections, sizeof *threads);
    if (load.took_s == NULL || threads == NULL || connections < 1 || load.posts < 1)
        die("bad numbers");
    uint64_t bytes = 0, start_ms = (uint64_t)time(NULL) * 1000 - INTERVAL_MS, node_count = 0;
    for (uint32_t i = 0; i < BODIES; i++) {
        struct pando_profile *profile = vary(seed, i, 0, start_ms, nodes);
        pando_buffer_init(&bodies[i], SIZE_MAX);
        if (pando_codeguru_json_encode(profile, &bodies[i]) != 0)
            die("cannot encode");
        bytes += bodies[i].len_bytes;
        node_count += profile->node_count;
        pando_profile_free(profile);
    }
    load.begin_s = now_s();
    for (int i = 0; i < connections; i++)
        pthread_create(&threads[i], NULL, post, NULL);
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    double took_s = now_s() - load.begin_s;
    qsort(load.took_s, (size_t)load.posts, sizeof *load.took_s, compare);
    printf("%ld posts of %llu nodes, %llu bytes, %d connections: %.1f s, %.0f a second, %ld failed; ms: median %.1f, 99 %% %.1f, most %.1f\n",
           load.posts, (unsigned long long)(node_count / BODIES), (unsigned long long)(bytes / BODIES), connections, took_s,
           (double)load.posts / took_s, (long)load.failed, load.took_s[load.posts / 2] * 1e3, load.took_s[load.posts * 99 / 100] * 1e3,
           load.took_s[load.posts - 1] * 1e3);
    return load.failed != 0;
}

int main(int argc, char **argv)
{
    if (argc == 9 && strcmp(argv[1], "fill") == 0)
        return fill(read_seed(argv[2], argv[3]), argv);
    if (argc == 10 && strcmp(argv[1], "post") == 0)
        return post_all(read_seed(argv[2], argv[3]), argv);
    if (argc == 3 && strcmp(argv[1], "roll") == 0)
        return roll(argv[2]);
    if ((argc == 7 || argc == 8) && strcmp(argv[1], "ask") == 0)
        return ask(argc, argv);
    fprintf(stderr, "usage: store_load fill SEED.sqlite GROUP OUT.sqlite AGENTS INTERVALS START_MS NODES\n"
                    "       store_load roll STORE.sqlite\n"
                    "       store_load ask STORE.sqlite GROUP START_MS END_MS TIMES [HOST]\n"
                    "       store_load post SEED.sqlite GROUP HOST PORT CONNECTIONS POSTS PER_SECOND NODES\n");
    return 2;
}
