/* Why: from an address of this process to names: which object is mapped there, and which function of it.
 * Context: worker only; never on a sampled thread, never takes the loader's locks (reads /proc and files).
 * Not thread-safe: one owner, the aggregator's thread. */
#ifndef PANDO_SYMBOLS_SYMBOLS_H
#define PANDO_SYMBOLS_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct pando_symbols;

struct pando_symbols_name {
    const char *function;   /* demangled; NULL when unknown. Valid until the next call into this pando_symbols */
    const char *object;     /* file name without folders ("libc.so.6", "[vdso]"); NULL when nothing is mapped there */
    uint64_t object_offset; /* offset in the object's file (for "[object+0x...]") */
};

/* `limit_bytes` bounds the memory of the symbol tables (least recently used tables are thrown away). NULL: no memory. */
struct pando_symbols *pando_symbols_new(size_t limit_bytes);
void pando_symbols_free(struct pando_symbols *symbols);

/* Reads a map of this process in the text form of /proc/self/maps (the caller reads the file, so that tests can make
 * their own) as executable mappings; objects that were known stay known, also when they are gone from the map (their
 * samples may still be named), unless another now has the address. Returns 0, PANDO_ERR_NO_MEMORY, PANDO_ERR_SYNTAX. */
int pando_symbols_update_maps(struct pando_symbols *symbols, const char *maps, size_t len_bytes);

/* Names one address. 0, or PANDO_ERR_NOT_FOUND (nothing mapped: name->object is NULL). */
int pando_symbols_find(struct pando_symbols *symbols, uint64_t address, struct pando_symbols_name *ret_name);

/* Where an address lies: an object, by its number, and an offset in it. Unlike an address it keeps its meaning when the
 * object is gone and another one is mapped there. */
struct pando_symbols_place {
    uint64_t offset; /* in the object's file; the address itself where nothing is mapped, and in code that is in no file */
    uint32_t object; /* 0: nothing is mapped there */
};

/* The place of an address, by the latest map. Valid until pando_symbols_end_period has been called twice. No file is read
 * (one is opened when an object is met first, so that it can be told from a later one at the same path).
 * 0, or PANDO_ERR_NOT_FOUND (then it is a place too, in object 0). */
int pando_symbols_locate(struct pando_symbols *symbols, uint64_t address, struct pando_symbols_place *ret_place);

/* Names a place, as pando_symbols_find does an address. PANDO_ERR_NOT_FOUND also when the object is forgotten. Cheapest when
 * places of one object are named one after the other. */
int pando_symbols_name(struct pando_symbols *symbols, const struct pando_symbols_place *place,
                       struct pando_symbols_name *ret_name);

/* Ends a period (an interval of the profile): places of the period before this one are no longer valid. */
void pando_symbols_end_period(struct pando_symbols *symbols);

/* Appends what a frame shows: the function, or "[object+0xoffset]", or "[unknown+0xaddress]". Returns its length,
 * at most text_bytes - 1 (cut, NUL-terminated). */
size_t pando_symbols_render(const struct pando_symbols_name *name, uint64_t address, char *text, size_t text_bytes);

#endif
