// link:
/* A host whose agent gets orders: one thread computes, one sleeps 20 ms at a time, and counts what a nap returned early or with EINTR.
 * SIGUSR1: forks a child that computes until it is killed, and prints its pid. SIGTERM: prints the count and ends with status 0. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static atomic_ulong turns, disturbed;

__attribute__((noinline)) static void computing(void)
{
    for (;;)
        atomic_fetch_add_explicit(&turns, 1, memory_order_relaxed);
}

static void *compute(void *unused)
{
    computing();
    return unused;
}

__attribute__((noinline)) static void napping(void)
{
    struct timespec nap = {.tv_nsec = 20000000};
    for (;;)
        if (nanosleep(&nap, NULL) != 0)
            atomic_fetch_add(&disturbed, 1);
}

static void *naps(void *unused)
{
    napping();
    return unused;
}

int main(void)
{
    sigset_t waited;
    pthread_t thread;
    sigemptyset(&waited);
    sigaddset(&waited, SIGUSR1);
    sigaddset(&waited, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &waited, NULL);
    if (pthread_create(&thread, NULL, compute, NULL) != 0 || pthread_create(&thread, NULL, naps, NULL) != 0)
        return 1;
    puts("ready");
    fflush(stdout);
    for (int number = 0; sigwait(&waited, &number) == 0 && number == SIGUSR1;) {
        pid_t child = fork();
        if (child == 0)
            computing();
        printf("%d\n", child);
        fflush(stdout);
    }
    printf("disturbed %lu\n", atomic_load(&disturbed));
    return 0;
}
