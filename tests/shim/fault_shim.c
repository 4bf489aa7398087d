/* Why: makes the Nth allocation, or system call by libc's function for it, of certain threads of a program fail, once or from then on; for
 * faults that must hit Pando and never the host around it. Preloaded.
 * Context: any thread of any program. Told, also while it runs, by a file that is mapped (PANDO_TEST_FAULTS names it): struct control.
 * A thread is meant when its name begins with control.thread; libcurl's look-up thread inherits the name of its maker. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))
#define THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))

enum kind { ALLOCATION = 1, SYSTEM_CALL = 2 };
enum { LOADER_BYTES = 256 * 1024 };

struct control {
    atomic_long countdown;   /* calls until one fails; 0 or less: none (unless goes_on) */
    atomic_int kind;         /* 0 none fails, none is counted */
    atomic_int goes_on;      /* all after it fail too */
    char thread[16];
    atomic_long seen, failed;
};

static struct control nobody;
static struct control *control = &nobody;
THREAD_LOCAL bool is_inside; /* of the shim itself */

/* dlsym itself allocates and frees: these are looked up once, at the first call, which may be some other library's constructor's. */
static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
} next;

static __attribute__((constructor(101))) void set_up(void)
{
    if (is_inside || next.free != NULL)
        return;
    is_inside = true;
    *(void **)&next.malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&next.calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&next.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&next.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    *(void **)&next.free = dlsym(RTLD_NEXT, "free");
    is_inside = false;
    const char *path = getenv("PANDO_TEST_FAULTS");
    int file = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
    if (file < 0)
        return;
    void *memory = (void *)syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    if (memory != MAP_FAILED)
        control = memory;
}

static bool fails(enum kind kind)
{
    if (atomic_load_explicit(&control->kind, memory_order_relaxed) != (int)kind || is_inside)
        return false;
    char name[17] = "";
    syscall(SYS_prctl, PR_GET_NAME, name, 0, 0, 0);
    if (strncmp(name, control->thread, strnlen(control->thread, sizeof control->thread)) != 0)
        return false;
    atomic_fetch_add(&control->seen, 1);
    long left = atomic_fetch_sub(&control->countdown, 1) - 1;
    bool failed = left == 0 || (left < 0 && atomic_load(&control->goes_on));
    if (failed)
        atomic_fetch_add(&control->failed, 1);
    return failed;
}

/* libc's own function of that name. */
static void *real(_Atomic(void *) *known, const char *name)
{
    void *function = atomic_load_explicit(known, memory_order_acquire);
    if (function == NULL) {
        bool before = is_inside;
        is_inside = true;
        function = dlsym(RTLD_NEXT, name);
        is_inside = before;
        atomic_store_explicit(known, function, memory_order_release);
    }
    return function;
}

#define REAL(name, type, ...)                                                                                                   \
    static _Atomic(void *) name##_known;                                                                                        \
    type (*call)(__VA_ARGS__) = NULL;                                                                                           \
    *(void **)&call = real(&name##_known, #name)

/* For dlsym, as long as it looks for them. */
static char arena[16384];
static atomic_size_t arena_used;

static void *from_arena(size_t bytes)
{
    size_t at = atomic_fetch_add(&arena_used, (bytes + 31) / 16 * 16);
    return at + bytes < sizeof arena ? arena + at : NULL;
}

/* The loader's own (a thread's data) end the process, whoever's it is, when they fail: Pando has them made when there is memory
 * (symbols/thread_memory.h), so a single one that fails is not tried; that all fail from some moment on is. */
static bool is_refused(const void *caller)
{
    uintptr_t offset = (uintptr_t)caller - getauxval(AT_BASE);
    bool refused = (offset >= LOADER_BYTES || atomic_load(&control->goes_on)) && fails(ALLOCATION);
    if (refused)
        errno = ENOMEM;
    return refused;
}

SHOWN void *malloc(size_t bytes)
{
    set_up();
    if (next.malloc == NULL)
        return from_arena(bytes);
    return is_refused(__builtin_return_address(0)) ? NULL : next.malloc(bytes);
}

SHOWN void *calloc(size_t count, size_t bytes)
{
    set_up();
    if (next.calloc == NULL)
        return from_arena(count * bytes);
    return is_refused(__builtin_return_address(0)) ? NULL : next.calloc(count, bytes);
}

SHOWN void *realloc(void *memory, size_t bytes)
{
    set_up();
    if (next.realloc == NULL)
        return NULL;
    return is_refused(__builtin_return_address(0)) ? NULL : next.realloc(memory, bytes);
}

SHOWN void free(void *memory)
{
    bool is_of_arena = (char *)memory >= arena && (char *)memory < arena + sizeof arena;
    if (!is_of_arena && next.free != NULL)
        next.free(memory);
}

SHOWN int posix_memalign(void **ret_memory, size_t alignment, size_t bytes)
{
    set_up();
    return is_refused(__builtin_return_address(0)) ? ENOMEM : next.posix_memalign(ret_memory, alignment, bytes);
}

/* A system call by libc's function for it: NAME(PARAMETERS) fails with ERROR; ARGUMENTS repeats the names. */
#define CALL(name, type, error, parameters, arguments, ...)                                                                     \
    SHOWN type name parameters                                                                                                  \
    {                                                                                                                           \
        if (fails(SYSTEM_CALL)) {                                                                                               \
            errno = error;                                                                                                      \
            return (type)-1;                                                                                                    \
        }                                                                                                                       \
        REAL(name, type, __VA_ARGS__);                                                                                          \
        return call arguments;                                                                                                  \
    }

CALL(socket, int, EMFILE, (int domain, int kind, int protocol), (domain, kind, protocol), int, int, int)
CALL(socketpair, int, EMFILE, (int domain, int kind, int protocol, int ends[2]), (domain, kind, protocol, ends), int, int, int, int *)
CALL(pipe2, int, EMFILE, (int ends[2], int flags), (ends, flags), int *, int)
CALL(eventfd, int, EMFILE, (unsigned value, int flags), (value, flags), unsigned, int)
CALL(bind, int, EADDRINUSE, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len), int, const struct sockaddr *,
     socklen_t)
CALL(connect, int, ENETUNREACH, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len), int,
     const struct sockaddr *, socklen_t)
CALL(send, ssize_t, ECONNRESET, (int fd, const void *bytes, size_t len, int flags), (fd, bytes, len, flags), int, const void *, size_t,
     int)
CALL(recv, ssize_t, ECONNRESET, (int fd, void *bytes, size_t len, int flags), (fd, bytes, len, flags), int, void *, size_t, int)
CALL(setsockopt, int, ENOPROTOOPT, (int fd, int level, int name, const void *value, socklen_t len), (fd, level, name, value, len), int,
     int, int, const void *, socklen_t)
CALL(getsockopt, int, EINVAL, (int fd, int level, int name, void *value, socklen_t *len), (fd, level, name, value, len), int, int, int,
     void *, socklen_t *)
CALL(getsockname, int, ENOBUFS, (int fd, struct sockaddr *address, socklen_t *len), (fd, address, len), int, struct sockaddr *,
     socklen_t *)
CALL(getpeername, int, ENOTCONN, (int fd, struct sockaddr *address, socklen_t *len), (fd, address, len), int, struct sockaddr *,
     socklen_t *)
CALL(poll, int, ENOMEM, (struct pollfd *fds, nfds_t count, int ms), (fds, count, ms), struct pollfd *, nfds_t, int)
CALL(read, ssize_t, EIO, (int fd, void *bytes, size_t len), (fd, bytes, len), int, void *, size_t)
CALL(write, ssize_t, EIO, (int fd, const void *bytes, size_t len), (fd, bytes, len), int, const void *, size_t)
CALL(writev, ssize_t, EIO, (int fd, const struct iovec *pieces, int count), (fd, pieces, count), int, const struct iovec *, int)
CALL(mkdir, int, EACCES, (const char *path, mode_t mode), (path, mode), const char *, mode_t)
CALL(fsync, int, EIO, (int fd), (fd), int)
CALL(fdatasync, int, EIO, (int fd), (fd), int)
CALL(fchmod, int, EPERM, (int fd, mode_t mode), (fd, mode), int, mode_t)
CALL(fstat, int, EIO, (int fd, struct stat *state), (fd, state), int, struct stat *)
CALL(fstatat, int, EIO, (int folder, const char *path, struct stat *state, int flags), (folder, path, state, flags), int, const char *,
     struct stat *, int)
CALL(renameat, int, EIO, (int from, const char *old, int to, const char *new), (from, old, to, new), int, const char *, int,
     const char *)
CALL(unlinkat, int, EIO, (int folder, const char *path, int flags), (folder, path, flags), int, const char *, int)
CALL(unlink, int, EIO, (const char *path), (path), const char *)
CALL(ftruncate, int, EIO, (int fd, off_t len), (fd, len), int, off_t)
CALL(pread, ssize_t, EIO, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at), int, void *, size_t, off_t)
CALL(pwrite, ssize_t, ENOSPC, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at), int, const void *, size_t, off_t)
CALL(pread64, ssize_t, EIO, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at), int, void *, size_t, off_t)
CALL(pwrite64, ssize_t, ENOSPC, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at), int, const void *, size_t,
     off_t)
CALL(getrandom, ssize_t, ENOSYS, (void *bytes, size_t len, unsigned flags), (bytes, len, flags), void *, size_t, unsigned)
CALL(mmap, void *, ENOMEM, (void *at, size_t len, int access, int flags, int fd, off_t offset), (at, len, access, flags, fd, offset),
     void *, size_t, int, int, int, off_t)

/* The descriptor is gone in any case, as Linux has it. */
SHOWN int close(int fd)
{
    bool failed = fails(SYSTEM_CALL);
    REAL(close, int, int);
    int result = call(fd);
    if (failed)
        errno = EIO;
    return failed ? -1 : result;
}

SHOWN int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    if (fails(SYSTEM_CALL))
        return EAGAIN;
    REAL(pthread_create, int, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    return call(thread, attributes, start, argument);
}

#define OPEN(name)                                                                                                              \
    SHOWN int name(const char *path, int flags, ...)                                                                            \
    {                                                                                                                           \
        va_list more;                                                                                                           \
        va_start(more, flags);                                                                                                  \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;                                          \
        va_end(more);                                                                                                           \
        if (fails(SYSTEM_CALL)) {                                                                                               \
            errno = EMFILE;                                                                                                     \
            return -1;                                                                                                          \
        }                                                                                                                       \
        REAL(name, int, const char *, int, ...);                                                                                \
        return call(path, flags, mode);                                                                                         \
    }
OPEN(open)
OPEN(open64)

SHOWN int openat(int folder, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (fails(SYSTEM_CALL)) {
        errno = EMFILE;
        return -1;
    }
    REAL(openat, int, int, const char *, int, ...);
    return call(folder, path, flags, mode);
}

/* (Locks are left alone: Linux does not refuse to open one, and SQLite does not live with a lock that it cannot open.) */
static int control_file(int fd, int command, void *argument)
{
    bool is_lock = command == F_SETLK || command == F_SETLKW || command == F_GETLK;
    if (!is_lock && fails(SYSTEM_CALL)) {
        errno = EMFILE;
        return -1;
    }
    REAL(fcntl, int, int, int, ...);
    return call(fd, command, argument);
}

SHOWN int fcntl(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return control_file(fd, command, argument);
}

SHOWN int fcntl64(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return control_file(fd, command, argument);
}
