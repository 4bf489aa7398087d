/* Why: agent/worker_door.h. Context: the agent's thread.
 * RTLD_LOCAL: what the worker brings must not answer the host's later look-ups. RTLD_NOW: nothing is resolved later, perhaps under
 * a lock. RTLD_DEEPBIND: its libraries find each other first, and not the OpenSSL that a host like node exports. Not dlmopen, with
 * which node never ends (docs/worker.md). */
#include "agent/worker_door.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/raw_syscall.h"

enum { WORKER_ROOM_BYTES = 48 << 20 };

static const struct pando_door *door;
static char worker_path[4096];

/* `text` cut to one line's worth: dlerror's may hold long paths. */
static void say(char *message, size_t message_bytes, const char *text)
{
    snprintf(message, message_bytes, "libpando-worker.so cannot be opened, profiling ends: %.300s.", text);
}

void pando_worker_door_setup(void)
{
    Dl_info own;
    char folder[sizeof worker_path / 2] = "";
    if (worker_path[0] != '\0' || dladdr((void *)&pando_worker_door_setup, &own) == 0 || own.dli_fname == NULL)
        return;
    if (own.dli_fname[0] != '/' && (getcwd(folder, sizeof folder - 1) == NULL || strlen(folder) >= sizeof folder - 2))
        return;
    if (folder[0] != '\0')
        strcat(folder, "/");
    const char *slash = strrchr(own.dli_fname, '/');
    int len = snprintf(worker_path, sizeof worker_path, "%s%.*slibpando-worker.so", folder,
                       slash != NULL ? (int)(slash + 1 - own.dli_fname) : 0, own.dli_fname);
    if (len < 0 || (size_t)len >= sizeof worker_path)
        worker_path[0] = '\0';
}

bool pando_worker_door_has_room(void)
{
    long room = pando_raw_syscall(SYS_mmap, 0, WORKER_ROOM_BYTES, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room < 0 && room > -4096)
        return false;
    pando_raw_syscall4(SYS_munmap, room, WORKER_ROOM_BYTES, 0, 0);
    return true;
}

const struct pando_door *pando_worker_door_open(char *message, size_t message_bytes)
{
    if (door != NULL)
        return door;
    if (worker_path[0] == '\0') {
        say(message, message_bytes, "libpando.so does not know its own folder");
        return NULL;
    }
    /* Sanitizers' runtimes end the process at the sight of RTLD_DEEPBIND. */
    bool is_sanitized = dlsym(RTLD_DEFAULT, "__sanitizer_print_stack_trace") != NULL;
    void *library = dlopen(worker_path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | (is_sanitized ? 0 : RTLD_DEEPBIND));
    const struct pando_door *found = library != NULL ? dlsym(library, PANDO_DOOR_SYMBOL) : NULL;
    if (found == NULL) {
        const char *reason = dlerror();
        say(message, message_bytes, reason != NULL ? reason : "no reason given");
        return NULL;
    }
    if (found->version != PANDO_DOOR_VERSION) {
        say(message, message_bytes, "it is of another version than libpando.so");
        return NULL;
    }
    door = found;
    return door;
}
