/* What tests of the walker share: the code map of this process with all rows built, and probing of memory. */
#ifndef PANDO_TESTS_WALK_FIXTURE_H
#define PANDO_TESTS_WALK_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/walker.h"
#include "collector/code_map.h"

struct walk_fixture {
    struct pando_objects objects;
    struct pando_counters counters;
    struct pando_code_map *map;
};

/* All of /proc/self/maps, malloc'ed. */
static inline char *read_own_maps(size_t *ret_len)
{
    size_t capacity = 4 << 20, len = 0;
    char *text = malloc(capacity);
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t got;
    while (text != NULL && fd >= 0 && len < capacity && (got = read(fd, text + len, capacity - len)) > 0)
        len += (size_t)got;
    if (fd >= 0)
        close(fd);
    *ret_len = len;
    return text;
}

/* Takes over the map as it is now, and builds the rows of everything. 0 or an error. */
static inline int walk_fixture_refresh(struct walk_fixture *fixture)
{
    size_t len;
    unsigned unloads = atomic_load(&fixture->objects.unloads);
    char *text = read_own_maps(&len);
    int error = text != NULL ? pando_code_map_update(fixture->map, text, len, unloads) : -1;
    free(text);
    const struct pando_object_list *list = pando_code_map_list(fixture->map);
    for (uint32_t i = 0; error == 0 && i < list->count; i++)
        atomic_store(&((struct pando_object_entry *)(uintptr_t)&list->entries[i])->wanted, 1);
    if (error == 0)
        pando_code_map_build_wanted(fixture->map);
    return error;
}

static inline int walk_fixture_start(struct walk_fixture *fixture)
{
    fixture->map = pando_code_map_new(&fixture->objects, &fixture->counters, SIZE_MAX / 2);
    fixture->objects.readers = calloc(PANDO_OBJECTS_READERS_MAX, sizeof(struct pando_objects_reader));
    return fixture->map != NULL && fixture->objects.readers != NULL ? walk_fixture_refresh(fixture) : -1;
}

static inline void walk_fixture_stop(struct walk_fixture *fixture)
{
    pando_code_map_free(fixture->map);
    free(fixture->objects.readers);
}

/* The kernel copies the mask before it looks at the first argument: EINVAL means readable, EFAULT not. */
static inline bool walk_fixture_probe(void *context, uint64_t address)
{
    (void)context;
    int saved_errno = errno;
    bool readable = syscall(SYS_rt_sigprocmask, 12345, (void *)(uintptr_t)address, NULL, 8) != 0 && errno == EINVAL;
    errno = saved_errno;
    return readable;
}

/* The calling thread's stack ends here. */
static inline uint64_t walk_fixture_stack_high(void)
{
    pthread_attr_t attributes;
    void *low = NULL;
    size_t bytes = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &low, &bytes);
        pthread_attr_destroy(&attributes);
    }
    return (uint64_t)(uintptr_t)low + bytes;
}

#endif
