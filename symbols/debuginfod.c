/* Why: symbols/debuginfod.h. Context: as there; the thread that fetches blocks all signals, as all of Pando's threads do. */
#include "symbols/debuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "symbols/object_file.h"

enum { FILES_MAX = 64, TIME_MAX_S = 90 };
static const long FILE_MAX_BYTES = 512L << 20;

enum state { WAITS, IS_FETCHED, IS_THERE, IS_NOWHERE };

struct file {
    struct pando_build_id id;
    enum state state;
    char *path;
};

struct pando_debuginfod {
    pthread_mutex_t lock;
    pthread_t thread;
    bool has_thread, runs, is_to_end;
    uint64_t give_up_mono_ns;
    unsigned count;
    struct file files[FILES_MAX];
};

struct library {
    debuginfod_client *(*begin)(void);
    void (*end)(debuginfod_client *);
    int (*find)(debuginfod_client *, const unsigned char *, int, char **);
    void (*set_progress)(debuginfod_client *, debuginfod_progressfn_t);
    void (*set_user_data)(debuginfod_client *, void *);
    void *(*get_user_data)(debuginfod_client *);
};

static struct library library; /* filled in once, before the first client; the same for all */

static bool load(void)
{
    void *opened = dlopen(DEBUGINFOD_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (opened == NULL)
        return false;
    const struct {
        const char *name;
        void *function;
    } wanted[] = {{"debuginfod_begin", &library.begin},
                  {"debuginfod_end", &library.end},
                  {"debuginfod_find_debuginfo", &library.find},
                  {"debuginfod_set_progressfn", &library.set_progress},
                  {"debuginfod_set_user_data", &library.set_user_data},
                  {"debuginfod_get_user_data", &library.get_user_data}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if ((*(void **)wanted[i].function = dlsym(opened, wanted[i].name)) == NULL)
            return false;
    return true;
}

struct pando_debuginfod *pando_debuginfod_new(void)
{
    struct pando_debuginfod *fetcher = calloc(1, sizeof *fetcher);
    if (fetcher != NULL)
        pthread_mutex_init(&fetcher->lock, NULL);
    return fetcher;
}

static void join(struct pando_debuginfod *fetcher)
{
    if (fetcher->has_thread)
        pthread_join(fetcher->thread, NULL);
    fetcher->has_thread = false;
}

void pando_debuginfod_free(struct pando_debuginfod *fetcher)
{
    if (fetcher == NULL)
        return;
    pthread_mutex_lock(&fetcher->lock);
    fetcher->is_to_end = true;
    pthread_mutex_unlock(&fetcher->lock);
    join(fetcher);
    for (unsigned i = 0; i < fetcher->count; i++)
        free(fetcher->files[i].path);
    pthread_mutex_destroy(&fetcher->lock);
    free(fetcher);
}

/* libdebuginfod asks once a second or so: not 0, and it gives up. */
static int on_progress(debuginfod_client *client, long done_bytes, long total_bytes)
{
    struct pando_debuginfod *fetcher = library.get_user_data(client);
    pthread_mutex_lock(&fetcher->lock);
    bool ends = fetcher->is_to_end || pando_clock_mono_ns() > fetcher->give_up_mono_ns;
    pthread_mutex_unlock(&fetcher->lock);
    return ends || done_bytes > FILE_MAX_BYTES || total_bytes > FILE_MAX_BYTES;
}

static void fetch(struct pando_debuginfod *fetcher, debuginfod_client *client, struct file *file)
{
    char *path = NULL;
    int fd = -1;
    if (client != NULL) {
        library.set_user_data(client, fetcher);
        library.set_progress(client, on_progress);
        fd = library.find(client, file->id.bytes, file->id.len, &path);
    }
    if (fd >= 0)
        close(fd);
    pthread_mutex_lock(&fetcher->lock);
    file->path = fd >= 0 ? path : NULL;
    file->state = fd >= 0 ? IS_THERE : IS_NOWHERE;
    pthread_mutex_unlock(&fetcher->lock);
    if (fd < 0)
        free(path);
}

/* The next one to fetch; NULL: the thread has ended, as far as others can see. */
static struct file *take(struct pando_debuginfod *fetcher)
{
    struct file *taken = NULL;
    pthread_mutex_lock(&fetcher->lock);
    for (unsigned i = 0; i < fetcher->count && taken == NULL && !fetcher->is_to_end; i++)
        if (fetcher->files[i].state == WAITS)
            taken = &fetcher->files[i];
    if (taken != NULL)
        taken->state = IS_FETCHED;
    fetcher->runs = taken != NULL;
    fetcher->give_up_mono_ns = pando_clock_mono_ns() + TIME_MAX_S * UINT64_C(1000000000);
    pthread_mutex_unlock(&fetcher->lock);
    return taken;
}

static void *run(void *context)
{
    struct pando_debuginfod *fetcher = context;
    bool loaded = load();
    if (!loaded)
        pando_log(PANDO_LOG_WARN, "DEBUGINFOD_URLS is set, but libdebuginfod.so.1 is not there (Debian: libdebuginfod1)");
    debuginfod_client *client = loaded ? library.begin() : NULL;
    struct file *file;
    while ((file = take(fetcher)) != NULL)
        fetch(fetcher, client, file);
    if (client != NULL)
        library.end(client);
    return NULL;
}

/* Under the lock. */
static void start_thread(struct pando_debuginfod *fetcher)
{
    if (fetcher->runs || fetcher->is_to_end)
        return;
    join(fetcher); /* it holds no lock any more, and ends by itself */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    fetcher->runs = fetcher->has_thread = pthread_create(&fetcher->thread, NULL, run, fetcher) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static struct file *find(struct pando_debuginfod *fetcher, const struct pando_build_id *id)
{
    for (unsigned i = 0; i < fetcher->count; i++)
        if (pando_build_id_same(&fetcher->files[i].id, id))
            return &fetcher->files[i];
    return NULL;
}

int pando_debuginfod_get(struct pando_debuginfod *fetcher, const struct pando_build_id *id, int *ret_fd, char **ret_path)
{
    int error = PANDO_ERR_BUSY;
    char *path = NULL;
    pthread_mutex_lock(&fetcher->lock);
    struct file *file = find(fetcher, id);
    if (file == NULL && fetcher->count == FILES_MAX) {
        error = PANDO_ERR_LIMIT;
    } else if (file == NULL) {
        fetcher->files[fetcher->count++] = (struct file){.id = *id, .state = WAITS};
        start_thread(fetcher);
        if (!fetcher->runs)
            fetcher->count--;
    } else if (file->state == IS_THERE) {
        path = strdup(file->path);
        error = path != NULL ? 0 : PANDO_ERR_NO_MEMORY;
    } else if (file->state == IS_NOWHERE) {
        error = PANDO_ERR_NOT_FOUND;
    }
    pthread_mutex_unlock(&fetcher->lock);
    if (error != 0)
        return error;
    *ret_fd = pando_object_file_open_path(path);
    if (*ret_fd < 0) {
        free(path);
        return PANDO_ERR_NOT_FOUND;
    }
    *ret_path = path;
    return 0;
}

unsigned pando_debuginfod_pending(struct pando_debuginfod *fetcher)
{
    unsigned pending = 0;
    pthread_mutex_lock(&fetcher->lock);
    for (unsigned i = 0; i < fetcher->count; i++)
        pending += fetcher->files[i].state == WAITS || fetcher->files[i].state == IS_FETCHED ? 1 : 0;
    pthread_mutex_unlock(&fetcher->lock);
    return pending;
}
