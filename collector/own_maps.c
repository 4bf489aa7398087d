/* Why: collector/own_maps.h. Context: worker. */
#include "collector/own_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

enum { LOWEST_FD = 10, CHUNK_BYTES = 8192, TRIES = 3 };

static const uint64_t NS_PER_MS = 1000000;

void pando_own_maps_init(struct pando_own_maps *maps, const char *path, struct pando_symbols *symbols,
                         struct pando_code_map *code_map, struct pando_objects *objects)
{
    *maps = (struct pando_own_maps){
        .path = path != NULL ? path : "/proc/thread-self/maps",
        .symbols = symbols, .code_map = code_map, .objects = objects,
        .unknown_pause_ns = PANDO_OWN_MAPS_PAUSE_MS * NS_PER_MS,
    };
    pando_buffer_init(&maps->text, PANDO_OWN_MAPS_MAX_BYTES);
}

void pando_own_maps_release(struct pando_own_maps *maps)
{
    pando_buffer_release(&maps->text);
}

/* Shells and daemons count on the descriptors below 10. */
static int open_high(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fd >= LOWEST_FD)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD);
    close(fd);
    return high;
}

static int read_text(struct pando_own_maps *maps)
{
    pando_buffer_clear(&maps->text);
    int fd = open_high(maps->path);
    if (fd < 0)
        return PANDO_ERR_IO;
    char chunk[CHUNK_BYTES];
    int error = 0;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            error = PANDO_ERR_IO;
        if (got > 0)
            error = pando_buffer_append(&maps->text, chunk, (size_t)got);
        if (got <= 0 || error != 0)
            break;
    }
    close(fd);
    return error == 0 && maps->text.len_bytes == 0 ? PANDO_ERR_IO : error;
}

/* Each read call shows a moment of its own: where mappings change meanwhile, the pieces may not fit together (SYNTAX). */
static bool read_map(struct pando_own_maps *maps)
{
    int error = PANDO_ERR_SYNTAX;
    for (int i = 0; i < TRIES && error == PANDO_ERR_SYNTAX; i++) {
        uint32_t unloads = pando_objects_unloads_seen(maps->objects);
        error = read_text(maps);
        if (error == 0)
            error = pando_symbols_update_maps(maps->symbols, maps->text.bytes, maps->text.len_bytes);
        if (error != 0 && error != PANDO_ERR_LIMIT) /* LIMIT: all but a few */
            continue;
        error = 0;
        /* What goes wrong here leaves the code map stale, so that it is tried again. */
        pando_code_map_update(maps->code_map, maps->text.bytes, maps->text.len_bytes, unloads);
        maps->unloads_seen = unloads;
        maps->was_read = true;
    }
    pando_buffer_release(&maps->text);
    pando_buffer_init(&maps->text, PANDO_OWN_MAPS_MAX_BYTES);
    return error == 0;
}

static bool is_too_early(const struct pando_own_maps *maps, uint64_t pause_ns)
{
    return maps->read_mono_ns != 0 && pando_clock_mono_ns() - maps->read_mono_ns < pause_ns;
}

bool pando_own_maps_saw_unload(const struct pando_own_maps *maps)
{
    return maps->was_read && atomic_load_explicit(&maps->objects->unloads, memory_order_acquire) != maps->unloads_seen;
}

bool pando_own_maps_read_after_unload(struct pando_own_maps *maps)
{
    if (is_too_early(maps, PANDO_OWN_MAPS_PAUSE_MS * NS_PER_MS))
        return false;
    bool taken = read_map(maps);
    maps->read_mono_ns = pando_clock_mono_ns();
    return taken;
}

bool pando_own_maps_read_for_unknown(struct pando_own_maps *maps)
{
    if (is_too_early(maps, maps->unknown_pause_ns))
        return false;
    const struct pando_object_list *before = pando_code_map_list(maps->code_map);
    bool taken = read_map(maps);
    maps->read_mono_ns = pando_clock_mono_ns();
    if (taken && pando_code_map_list(maps->code_map) != before)
        maps->unknown_pause_ns = PANDO_OWN_MAPS_PAUSE_MS * NS_PER_MS;
    else if (maps->unknown_pause_ns < PANDO_OWN_MAPS_PAUSE_MAX_MS * NS_PER_MS)
        maps->unknown_pause_ns *= 2;
    return taken;
}
