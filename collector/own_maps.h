/* Why: decides when this process's map is read again, reads it as a guest should, and hands the same text to those who need it:
 * the symbols (which object is where) and the code map (which rows are valid where).
 * Context: worker; one thread. One descriptor, at 10 or above, open only while reading; no stdio. */
#ifndef PANDO_COLLECTOR_OWN_MAPS_H
#define PANDO_COLLECTOR_OWN_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "collector/code_map.h"
#include "symbols/symbols.h"

enum {
    PANDO_OWN_MAPS_MAX_BYTES = 16 << 20,     /* of text: some 150 000 mappings */
    PANDO_OWN_MAPS_PAUSE_MS = 20,            /* between two readings, at least */
    PANDO_OWN_MAPS_PAUSE_MAX_MS = 640,       /* while readings for unknown addresses bring nothing new */
};

struct pando_own_maps {
    const char *path;
    struct pando_symbols *symbols;
    struct pando_code_map *code_map;
    struct pando_objects *objects;
    struct pando_buffer text;
    bool was_read;
    uint64_t read_mono_ns;          /* when it was last tried */
    uint64_t unknown_pause_ns;
    uint32_t unloads_seen;
};

/* `path` NULL: /proc/thread-self/maps (/proc/self is empty once the first thread has ended). All pointers outlive `maps`. */
void pando_own_maps_init(struct pando_own_maps *maps, const char *path, struct pando_symbols *symbols,
                         struct pando_code_map *code_map, struct pando_objects *objects);
void pando_own_maps_release(struct pando_own_maps *maps);

/* True when an object was unloaded since the text was read: an address may mean something else now. */
bool pando_own_maps_saw_unload(const struct pando_own_maps *maps);

/* Both read the map, if it is not too early for that, and return whether a new text was taken over.
 * After an unload: promptly, since handlers use no rows until then. For an unknown address: less and less often while that
 * brings no new code, so that a program with wild addresses on its stacks does not make us read all the time. */
bool pando_own_maps_read_after_unload(struct pando_own_maps *maps);
bool pando_own_maps_read_for_unknown(struct pando_own_maps *maps);

#endif
