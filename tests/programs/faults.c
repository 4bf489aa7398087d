/* A host in surroundings that fail: what its first argument names, said on stdout. Without and with Pando the same. For faults_test.py,
 * which also sets limits around the mode "work". */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "burn.h"

/* Without a clock, which a filter might forbid. */
__attribute__((noinline)) static void burn_blindly(void)
{
    for (int i = 0; i < 200000000; i++)
        sink = sink * 6364136223846793005u + 1;
}

static void *burn_thread(void *ms)
{
    burn_ms((int)(intptr_t)ms);
    return NULL;
}

/* Some threads, a child, a file, a timer of its own: whatever is refused without Pando is refused with it. */
static int mode_work(void)
{
    burn_ms(80);
    int created = 0, own_timers = 0;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        created += pthread_create(&threads[created], NULL, burn_thread, (void *)(intptr_t)30) == 0;
    for (int i = 0; i < created; i++)
        pthread_join(threads[i], NULL);
    int file = open("/etc/passwd", O_RDONLY);
    timer_t timers[8];
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    for (int i = 0; i < 8; i++)
        own_timers += timer_create(CLOCK_MONOTONIC, &event, &timers[own_timers]) == 0;
    pid_t child = fork();
    if (child == 0)
        _exit(12);
    int status = -1;
    if (child > 0)
        waitpid(child, &status, 0);
    char name[] = "/tmp/pando-faults-XXXXXX";
    signal(SIGXFSZ, SIG_IGN);
    int temporary = mkstemp(name);
    ssize_t written = temporary >= 0 ? write(temporary, name, sizeof name) : -1;
    if (temporary >= 0)
        unlink(name);
    printf("threads %d, file %d, timers %d, child %d, temporary %d, written %zd\n", created, file, own_timers, status,
           temporary, written);
    return 5;
}

static int mode_blocked(void)
{
    sigset_t all, pending;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, burn_thread, (void *)(intptr_t)60);
    pthread_join(thread, NULL);
    burn_ms(100);
    sigpending(&pending);
    printf("pending %d\n", sigismember(&pending, SIGPROF));
    int fd = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
    burn_ms(50);
    struct pollfd waits = {.fd = fd, .events = POLLIN};
    struct signalfd_siginfo info;
    int ready = poll(&waits, 1, 0);
    ssize_t got = read(fd, &info, sizeof info);
    printf("readable %d, read %zd\n", ready, got);
    kill(getpid(), SIGUSR1);
    burn_ms(30);
    got = read(fd, &info, sizeof info);
    printf("read %zd, signal %d\n", got, got > 0 ? (int)info.ssi_signo : 0);
    close(fd);
    struct timespec moment = {.tv_nsec = 20000000};
    int number = sigtimedwait(&all, NULL, &moment);
    printf("waited: %d, %s\n", number, number < 0 && errno == EAGAIN ? "nothing" : "something");
    return 0;
}

static int mode_signalfd_prof(void)
{
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGPROF);
    sigprocmask(SIG_BLOCK, &only, NULL);
    burn_ms(100);
    int fd = signalfd(-1, &only, SFD_CLOEXEC);
    burn_ms(50);
    raise(SIGPROF);
    burn_ms(50);
    struct signalfd_siginfo info;
    ssize_t got = read(fd, &info, sizeof info);
    printf("read %zd, from %s\n", got, info.ssi_pid == (uint32_t)getpid() ? "this process" : "elsewhere");
    struct pollfd waits = {.fd = fd, .events = POLLIN};
    printf("more: %d\n", poll(&waits, 1, 0));
    return 0;
}

/* Kills at any system call but those. */
static int filter_strictly(bool through_prctl)
{
    static const int allowed[] = {SYS_read, SYS_write, SYS_exit, SYS_exit_group, SYS_futex, SYS_rt_sigreturn, SYS_clock_gettime,
                                  SYS_newfstatat};
    enum { COUNT = sizeof allowed / sizeof allowed[0] };
    struct sock_filter code[COUNT + 3] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    for (unsigned i = 0; i < COUNT; i++)
        code[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], COUNT - i, 0);
    code[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = COUNT + 3, .filter = code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return through_prctl ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
                         : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

static int sandboxed(bool through_prctl)
{
    static char room[4096];
    setvbuf(stdout, room, _IOFBF, sizeof room);
    pthread_t thread;
    pthread_create(&thread, NULL, burn_thread, (void *)(intptr_t)50);
    burn_ms(120);
    pthread_join(thread, NULL);
    printf("filter: %d\n", filter_strictly(through_prctl));
    burn_blindly();
    puts("alive");
    return 3;
}

static int mode_seccomp(void) { return sandboxed(false); }
static int mode_seccomp_prctl(void) { return sandboxed(true); }

static int mode_seccomp_strict(void)
{
    burn_ms(120);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    burn_blindly();
    ssize_t done = write(1, "alive\n", 6);
    syscall(SYS_exit, done == 6 ? 3 : 4);
    return 0;
}

static int mode_drop(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, burn_thread, (void *)(intptr_t)200);
    burn_ms(100);
    if (getuid() == 0) {
        int groups = setgroups(0, NULL), group = setgid(65534), user = setuid(65534);
        printf("dropped: %d %d %d\n", groups, group, user);
    }
    pthread_join(thread, NULL);
    pid_t child = fork();
    if (child == 0) {
        burn_ms(50);
        _exit(setuid(0) == 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    printf("child %d\n", status);
    return 0;
}

/* Children that live long enough to be profiled, of a parent whose loader takes longer than a fork waits for it. */
static int mode_fork_while_loading(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, burn_thread, (void *)(intptr_t)1200);
    int bad = 0;
    for (int i = 0; i < 12; i++) {
        pid_t child = fork();
        if (child == 0) {
            burn_ms(100);
            _exit(3);
        }
        int status = -1;
        waitpid(child, &status, 0);
        bad += !WIFEXITED(status) || WEXITSTATUS(status) != 3;
    }
    pthread_join(thread, NULL);
    printf("bad: %d\n", bad);
    return 0;
}

static int mode_chroot(void)
{
    burn_ms(80);
    char name[] = "/tmp/pando-faults-XXXXXX";
    if (mkdtemp(name) == NULL)
        return 1;
    int result = chroot(name);
    if (result == 0 && chdir("/") != 0)
        return 1;
    burn_ms(150);
    pthread_t thread;
    pthread_create(&thread, NULL, burn_thread, (void *)(intptr_t)50);
    pthread_join(thread, NULL);
    printf("chroot: %d\n", result);
    return 0;
}

static pthread_barrier_t barrier;

static void *wait_for_all(void *unused)
{
    burn_ms(1);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return unused;
}

/* As many at once as the second argument says. */
static int mode_many(const char *count_text)
{
    unsigned count = (unsigned)atoi(count_text != NULL ? count_text : "100");
    pthread_t *threads = calloc(count, sizeof *threads);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    pthread_barrier_init(&barrier, NULL, count + 1);
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], &attributes, wait_for_all, NULL) != 0) {
            printf("refused\n");
            _exit(0);
        }
    pthread_barrier_wait(&barrier);
    burn_ms(100);
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("all %u\n", count);
    free(threads);
    return 0;
}

static void *end_at_once(void *unused) { return unused; }

static int mode_short(const char *count_text)
{
    for (int i = count_text != NULL ? atoi(count_text) : 1000; i > 0; i--) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, end_at_once, NULL) != 0 || pthread_join(thread, NULL) != 0) {
            puts("refused");
            return 1;
        }
    }
    puts("all");
    return 0;
}

/* What is open, blocked and ignored, as a child that was started sees it. */
static int mode_exec_state(const char *self, const char *left_text)
{
    int left = left_text != NULL ? atoi(left_text) : 200;
    if (left % 50 == 0)
        burn_ms(5);
    if (left > 0) {
        char text[16];
        snprintf(text, sizeof text, "%d", left - 1);
        execl(self, self, "exec_state", text, (char *)NULL);
        return 1;
    }
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0)
            fputs(line, stdout);
    for (int fd = 0; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) >= 0 && (status == NULL || fd != fileno(status)))
            printf("open %d\n", fd);
    return 0;
}

int main(int argc, char **argv)
{
    const struct {
        const char *name;
        int (*run)(void);
    } modes[] = {
        {"work", mode_work}, {"blocked", mode_blocked}, {"signalfd_prof", mode_signalfd_prof}, {"seccomp", mode_seccomp},
        {"seccomp_prctl", mode_seccomp_prctl}, {"seccomp_strict", mode_seccomp_strict}, {"drop", mode_drop}, {"chroot", mode_chroot},
        {"fork_while_loading", mode_fork_while_loading},
    };
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    if (argc > 1 && strcmp(argv[1], "many") == 0)
        return mode_many(argc > 2 ? argv[2] : NULL);
    if (argc > 1 && strcmp(argv[1], "short") == 0)
        return mode_short(argc > 2 ? argv[2] : NULL);
    if (argc > 1 && strcmp(argv[1], "exec_state") == 0)
        return mode_exec_state(argv[0], argc > 2 ? argv[2] : NULL);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (argc > 1 && strcmp(argv[1], modes[i].name) == 0)
            return modes[i].run();
    return 2;
}
