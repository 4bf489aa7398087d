// link: pando_base
/* What labels meet in real programs. It finds the functions as a program does that is preloaded only, by dlsym, and does without when
 * they are not there. Usage: labeled CASE SECONDS (of CPU time, of all threads). Prints what the case promises. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int (*label_set)(const char *, const char *), (*label_clear)(const char *);
static uint32_t (*labels_save)(void);
static int (*labels_restore)(uint32_t);
static int (*trace_set)(const uint8_t[16], const uint8_t[8]);

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static volatile unsigned sink;

__attribute__((noinline)) static void burn_until(double end_s)
{
    while (cpu_s() < end_s)
        for (unsigned i = 0; i < 5000; i++)
            sink = sink * 31 + i;
}

static void name_self(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}

/* 60, 30 and 10 % of each thread's time, in small turns; `seconds` of it. */
static void share_out(double seconds)
{
    static const char *const classes[] = {"sixty", "thirty", "ten"};
    static const double parts[] = {0.006, 0.003, 0.001};
    for (double at = cpu_s(), end = at + seconds; at < end;) {
        for (int i = 0; i < 3; i++) {
            label_set("share", classes[i]);
            burn_until(at += parts[i]);
        }
    }
}

struct worker {
    const char *name;
    double seconds;
};

static void *work(void *argument)
{
    const struct worker *worker = argument;
    name_self(worker->name);
    label_set("role", "worker");
    share_out(worker->seconds);
    return NULL;
}

/* Two threads "busy" and one "calm", for 3/8, 3/8 and 2/8 of the time. */
static void shares(double seconds)
{
    const struct worker workers[] = {{"busy", seconds * 3 / 8}, {"busy", seconds * 3 / 8}, {"calm", seconds * 2 / 8}};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)&workers[i]);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

static volatile sig_atomic_t handled;

/* A handler that labels its own work, and puts back what was there. */
static void on_signal(int number)
{
    (void)number;
    uint32_t before = labels_save();
    label_set("share", "handler");
    for (unsigned i = 0; i < 300; i++)
        sink = sink * 31 + i;
    labels_restore(before);
    handled = handled + 1;
}

/* The same shares, while a timer interrupts wherever it will. */
static void interrupted(double seconds)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR2, &action, NULL);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct itimerspec often = {.it_interval = {.tv_nsec = 300000}, .it_value = {.tv_nsec = 300000}};
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &often, NULL);
    share_out(seconds);
    timer_delete(timer);
    printf("%d\n", (int)handled);
}

/* The child goes on with its parent's labels, and then has its own. */
static void forked(double seconds)
{
    label_set("who", "parent");
    label_set("both", "yes");
    burn_until(cpu_s() + seconds / 4);
    pid_t child = fork();
    double begin = cpu_s();
    if (child == 0) {
        burn_until(begin + seconds / 4);
        label_set("who", "child");
        burn_until(begin + seconds / 2);
        exit(0);
    }
    burn_until(begin + seconds / 4);
    waitpid(child, NULL, 0);
}

/* More sets than there is room for; then, the old ones still count. */
static void crowded(double seconds)
{
    char value[32];
    int refused = 0;
    double end = cpu_s() + seconds / 2;
    label_set("kind", "many");
    for (int i = 0; i < 5000 || cpu_s() < end; i++) {
        snprintf(value, sizeof value, "%d", i);
        refused += label_set("id", value) != 0;
        burn_until(cpu_s() + seconds / 10000);
    }
    label_clear("id");
    label_set("kind", "few");
    burn_until(cpu_s() + seconds / 2);
    label_clear(NULL);
    label_set("kind", "many"); /* was there before */
    burn_until(cpu_s() + seconds / 4);
    printf("%d\n", refused);
}

/* Threads that live for some milliseconds, each with a name. */
static void *live_briefly(void *argument)
{
    name_self("brief");
    label_set("life", "short");
    burn_until(*(double *)argument);
    return NULL;
}

static void brief(double seconds)
{
    double each_s = 0.003;
    for (double spent = 0; spent < seconds; spent += each_s) {
        pthread_t thread;
        pthread_create(&thread, NULL, live_briefly, &each_s);
        pthread_join(thread, NULL);
    }
}

/* Half of the time under each name. */
static void renamed(double seconds)
{
    name_self("before");
    burn_until(cpu_s() + seconds / 2);
    name_self("after");
    burn_until(cpu_s() + seconds / 2);
}

/* Threads that sleep, with labels, in wall time. */
static void *sleep_labeled(void *argument)
{
    double *seconds = argument;
    name_self("sleeper");
    label_set("state", "asleep");
    struct timespec wait = {.tv_sec = (time_t)*seconds, .tv_nsec = (long)((*seconds - (double)(time_t)*seconds) * 1e9)};
    while (nanosleep(&wait, &wait) != 0 && errno == EINTR)
        continue;
    return NULL;
}

static void asleep(double seconds)
{
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_labeled, &seconds);
    pthread_join(thread, NULL);
}

/* 64 threads that do the same, each with a name of its own, or all with one. */
static void *do_the_same(void *argument)
{
    const struct worker *worker = argument;
    name_self(worker->name);
    burn_until(worker->seconds);
    return NULL;
}

static void crowd(double seconds, int of_one_name)
{
    enum { THREADS = 64 };
    static struct worker workers[THREADS];
    static char names[THREADS][16];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        snprintf(names[i], sizeof names[i], of_one_name ? "pool" : "pool-%d", i);
        workers[i] = (struct worker){names[i], seconds / THREADS};
        pthread_create(&threads[i], NULL, do_the_same, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void *spans_come_and_go(void *argument)
{
    double seconds = *(double *)argument;
    uint8_t trace[16] = {0}, span[8] = {0};
    name_self("tracer");
    for (double at = cpu_s(), end = at + seconds; at < end; at += 0.002) {
        unsigned random = (unsigned)rand();
        memcpy(trace, &random, sizeof random);
        trace[15] = 1;
        memcpy(span, &random, sizeof random);
        trace_set(trace, span);
        burn_until(at);
    }
    return NULL;
}

static void traced(double seconds)
{
    pthread_t thread;
    pthread_create(&thread, NULL, spans_come_and_go, &seconds);
    pthread_join(thread, NULL);
}

static void *look_up(const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found == NULL) {
        fprintf(stderr, "%s is not there\n", name);
        exit(3);
    }
    return found;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    const char *which = argv[1];
    double seconds = atof(argv[2]);
    *(void **)&label_set = look_up("pando_label_set");
    *(void **)&label_clear = look_up("pando_label_clear");
    *(void **)&labels_save = look_up("pando_labels_save");
    *(void **)&labels_restore = look_up("pando_labels_restore");
    *(void **)&trace_set = look_up("pando_trace_set");
    if (strcmp(which, "shares") == 0)
        shares(seconds);
    else if (strcmp(which, "interrupted") == 0)
        interrupted(seconds);
    else if (strcmp(which, "forked") == 0)
        forked(seconds);
    else if (strcmp(which, "crowded") == 0)
        crowded(seconds);
    else if (strcmp(which, "brief") == 0)
        brief(seconds);
    else if (strcmp(which, "renamed") == 0)
        renamed(seconds);
    else if (strcmp(which, "asleep") == 0)
        asleep(seconds);
    else if (strcmp(which, "traced") == 0)
        traced(seconds);
    else if (strcmp(which, "crowd") == 0)
        crowd(seconds, 0);
    else if (strcmp(which, "pool") == 0)
        crowd(seconds, 1);
    else
        return 2;
    return 0;
}
