/* Threads that wait, each in a function of its own and in another call, and one that burns CPU time: for SECONDS. Prints for each
 * how often its call returned, how often with EINTR, how often before its time, and the mean by which it was late.
 * Usage: sleeper SECONDS */
#include <errno.h>
#include <pthread.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NAP_MS = 30, MS_NS = 1000000 };

static pthread_barrier_t all_there;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, cond_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t never;
static int pipe_ends[2], pair[2], epoll;
static atomic_bool is_over;
static volatile uint64_t sink;

struct record {
    const char *name;
    void (*wait)(struct record *record);
    uint64_t calls, interrupted, early, late_ns;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 * MS_NS + (uint64_t)now.tv_nsec;
}

/* One call that should last NAP_MS. */
static void note(struct record *record, uint64_t begin_ns, int result)
{
    int error = errno;
    uint64_t took_ns = now_ns(CLOCK_MONOTONIC) - begin_ns;
    record->calls++;
    record->interrupted += result < 0 && error == EINTR;
    if (took_ns < (uint64_t)NAP_MS * MS_NS)
        record->early++;
    else
        record->late_ns += took_ns - (uint64_t)NAP_MS * MS_NS;
}

/* The waits are kept apart, and none is the last call of its function, so that each has a frame. */
#define NAPPER(name, call)                                                                                                      \
    __attribute__((noinline)) static void name(struct record *record)                                                           \
    {                                                                                                                           \
        while (!atomic_load(&is_over)) {                                                                                        \
            uint64_t begin_ns = now_ns(CLOCK_MONOTONIC);                                                                        \
            int result = (int)(call);                                                                                           \
            note(record, begin_ns, result);                                                                                     \
        }                                                                                                                       \
    }

static struct timespec deadline(void)
{
    uint64_t ns = now_ns(CLOCK_REALTIME) + (uint64_t)NAP_MS * MS_NS;
    return (struct timespec){.tv_sec = (time_t)(ns / 1000 / MS_NS), .tv_nsec = (long)(ns % (1000 * MS_NS))};
}

NAPPER(in_nanosleep, nanosleep(&(struct timespec){.tv_nsec = NAP_MS * MS_NS}, NULL))
NAPPER(in_poll, poll(NULL, 0, NAP_MS))
NAPPER(in_epoll, epoll_wait(epoll, &(struct epoll_event){0}, 1, NAP_MS))
NAPPER(in_select, select(0, NULL, NULL, NULL, &(struct timeval){.tv_usec = NAP_MS * 1000}))
NAPPER(in_sem_timedwait, sem_timedwait(&never, (struct timespec[]){deadline()}))
NAPPER(in_recv_timeout, recv(pair[0], &(char){0}, 1, 0))

/* These wait once, until all is over. */
static void note_once(struct record *record, int result)
{
    record->calls++;
    record->interrupted += result < 0 && errno == EINTR;
}

__attribute__((noinline)) static void in_read(struct record *record)
{
    char byte;
    note_once(record, (int)read(pipe_ends[0], &byte, 1));
}

__attribute__((noinline)) static void in_poll_forever(struct record *record)
{
    note_once(record, poll(&(struct pollfd){.fd = pipe_ends[0], .events = POLLIN}, 1, -1));
}

__attribute__((noinline)) static void in_mutex(struct record *record)
{
    note_once(record, pthread_mutex_lock(&lock));
    pthread_mutex_unlock(&lock);
}

__attribute__((noinline)) static void in_cond(struct record *record)
{
    pthread_mutex_lock(&cond_lock);
    while (!atomic_load(&is_over))
        pthread_cond_wait(&cond, &cond_lock);
    pthread_mutex_unlock(&cond_lock);
    record->calls++;
}

__attribute__((noinline)) static void burning(struct record *record)
{
    for (uint64_t x = 1; !atomic_load(&is_over); record->calls++) {
        for (int i = 0; i < 20000; i++)
            x = x * 6364136223846793005u + 1442695040888963407u;
        sink = x;
    }
}

static struct record records[] = {
    {"in_nanosleep", in_nanosleep, 0, 0, 0, 0},       {"in_poll", in_poll, 0, 0, 0, 0},
    {"in_epoll", in_epoll, 0, 0, 0, 0},               {"in_select", in_select, 0, 0, 0, 0},
    {"in_sem_timedwait", in_sem_timedwait, 0, 0, 0, 0}, {"in_recv_timeout", in_recv_timeout, 0, 0, 0, 0},
    {"in_read", in_read, 0, 0, 0, 0},                 {"in_poll_forever", in_poll_forever, 0, 0, 0, 0},
    {"in_mutex", in_mutex, 0, 0, 0, 0},               {"in_cond", in_cond, 0, 0, 0, 0},
    {"burning", burning, 0, 0, 0, 0},
};
enum { RECORDS = sizeof records / sizeof records[0] };

__attribute__((noinline)) static void *work(void *argument)
{
    struct record *record = argument;
    pthread_barrier_wait(&all_there);
    record->wait(record);
    return record; /* (not a tail call: each stack has this function) */
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 2;
    pthread_t threads[RECORDS];
    struct timeval nap = {.tv_usec = NAP_MS * 1000};
    pthread_barrier_init(&all_there, NULL, RECORDS + 1);
    sem_init(&never, 0, 0);
    epoll = epoll_create1(0);
    if (epoll < 0 || pipe(pipe_ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 ||
        setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &nap, sizeof nap) != 0)
        return 1;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < RECORDS; i++)
        pthread_create(&threads[i], NULL, work, &records[i]);
    pthread_barrier_wait(&all_there);
    uint64_t begin_ns = now_ns(CLOCK_MONOTONIC), end_ns = begin_ns + (uint64_t)(seconds * 1e9);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
                    &(struct timespec){.tv_sec = (time_t)(end_ns / 1000000000), .tv_nsec = (long)(end_ns % 1000000000)}, NULL);
    atomic_store(&is_over, true);
    pthread_mutex_unlock(&lock);
    pthread_mutex_lock(&cond_lock);
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&cond_lock);
    if (write(pipe_ends[1], "xy", 2) != 2)
        return 1;
    for (int i = 0; i < RECORDS; i++)
        pthread_join(threads[i], NULL);
    printf("seconds %.3f\n", (double)(now_ns(CLOCK_MONOTONIC) - begin_ns) / 1e9);
    for (int i = 0; i < RECORDS; i++)
        printf("%s %llu %llu %llu %.3f\n", records[i].name, (unsigned long long)records[i].calls,
               (unsigned long long)records[i].interrupted, (unsigned long long)records[i].early,
               records[i].calls != 0 ? (double)records[i].late_ns / 1e6 / (double)records[i].calls : 0.0);
    return 0;
}
