/* Why: from an address of this process to names: which object is mapped there, and which function of it.
 * Context: worker only; never on a sampled thread, never takes the loader's locks (reads /proc and files).
 * Not thread-safe: one owner, the aggregator's thread. */
#ifndef PANDO_SYMBOLS_SYMBOLS_H
#define PANDO_SYMBOLS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pando_symbols;

enum { PANDO_SYMBOLS_FRAMES_MAX = 64 }; /* functions at one place; of more, the innermost are told */

/* The object of functions that a runtime has made and told of in a perf map. */
#define PANDO_SYMBOLS_MADE_CODE "[jit]"

/* A function at an address: the one that has the code, or one that was inlined into it. */
struct pando_symbols_frame {
    const char *function;   /* as shown; NULL unknown */
    const char *file;       /* source file of the place; NULL unknown */
    const char *home_file;  /* where the function is written: seldom another file (#include, #line); NULL unknown */
    uint32_t line;          /* in file; 0 unknown */
    uint32_t home_line;     /* in home_file */
};

struct pando_symbols_name {
    const char *function;   /* demangled; NULL when unknown. Valid until the next call into this pando_symbols */
    const char *object;     /* file name without folders ("libc.so.6", "[vdso]"); NULL when nothing is mapped there */
    uint64_t object_offset; /* offset in the object's file (for "[object+0x...]") */
    const struct pando_symbols_frame *frames; /* innermost first, the last is `function`; once the lines were found */
    uint32_t frame_count;   /* 0: not looked for, or there are none */
};

/* `limit_bytes` bounds the memory of the symbol tables (least recently used tables are thrown away). NULL: no memory. */
struct pando_symbols *pando_symbols_new(size_t limit_bytes);
void pando_symbols_free(struct pando_symbols *symbols);

/* The maps that come are those of process `pid` (which the caller may trace), whose files are reached through its own root. */
void pando_symbols_set_process(struct pando_symbols *symbols, int pid);

/* From here on lines can be looked for; debug information that is open takes at most `limit_bytes`, what was found a quarter of
 * that, 64 MiB at most. `asks_servers`: what is not on this machine is fetched, by a thread of its own (DEBUGINFOD_URLS is set). 0, or
 * PANDO_ERR_NO_MEMORY. */
int pando_symbols_want_lines(struct pando_symbols *symbols, size_t limit_bytes, bool asks_servers);

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

/* Finds the functions and lines of a place, which pando_symbols_name tells from then on. Takes microseconds, and where an object is
 * opened milliseconds: never needed for a name. Debug information that is not open yet is opened only if that is no more
 * work than `open_limit_bytes`: its bytes, where those that are packed count three times (1.5 ns each).
 * 0 (known, even if there are none); PANDO_ERR_BUSY: they are being fetched; PANDO_ERR_TIMEOUT: it has more; PANDO_ERR_LIMIT,
 * PANDO_ERR_NO_MEMORY: not now; PANDO_ERR_NOT_FOUND: no lines are wanted, or the place is forgotten. */
int pando_symbols_find_lines(struct pando_symbols *symbols, const struct pando_symbols_place *place, size_t open_limit_bytes);
/* Closes the debug information that is open, for its memory; it is opened again when it is needed. */
void pando_symbols_close_all_lines(struct pando_symbols *symbols);
/* Ends the thread that fetches; what is under way is given up. */
void pando_symbols_rest(struct pando_symbols *symbols);

/* What the limits of lines have cost so far. */
struct pando_symbols_counts {
    uint64_t objects_over_limit;   /* whose debug information is larger than the limit */
    uint64_t places_over_limit;    /* for whose lines there was no room */
    uint64_t lines_opened;         /* times that debug information was read */
};
struct pando_symbols_counts pando_symbols_counted(const struct pando_symbols *symbols);

/* What is known about a mapped object: for somebody who wants to know why a name is missing. */
struct pando_symbols_object {
    const char *name, *path;
    char build_id[65];       /* hexadecimal; "" none, or not known */
    const char *names_from;  /* ".symtab", "debug file", ".gnu_debugdata", ".dynsym", "memory", "perf map", "nothing" */
    const char *lines_from;  /* "itself", "build-id", "debug link", "debuginfod"; NULL: there are none */
    const char *debug_path;  /* of the separate debug file; NULL */
    const char *missing;     /* a sentence: why names or lines are missing; NULL: nothing is */
    bool has_unwind;         /* an unwind table with an index */
    bool is_deleted;
};
/* Visits each object with executable mappings, in the order of first sight; reads its names, and opens its lines if they are wanted.
 * The strings are valid during the visit. */
void pando_symbols_visit_objects(struct pando_symbols *symbols, void (*visit)(void *context, const struct pando_symbols_object *),
                                 void *context);
/* The same for the object of a place, without reading anything. False: nothing (more) is known of it. */
bool pando_symbols_object_of(struct pando_symbols *symbols, uint32_t object, struct pando_symbols_object *ret_object);

/* An allocator that libdw uses calls this when it has no memory, before it says so: if libdw was at work, it does not return. */
void pando_symbols_no_memory(void);

/* Ends a period (an interval of the profile): places of the period before this one are no longer valid. */
void pando_symbols_end_period(struct pando_symbols *symbols);

/* The file and line that a frame is shown with: its function's file, so that a function is one frame however many files its code
 * comes from. NULL and 0: unknown. */
void pando_symbols_shown_line(const struct pando_symbols_frame *frame, const char **ret_file, uint32_t *ret_line);

/* Appends what a frame shows: the function, or "[object+0xoffset]", or "[unknown+0xaddress]". Returns its length,
 * at most text_bytes - 1 (cut, NUL-terminated). */
size_t pando_symbols_render(const struct pando_symbols_name *name, uint64_t address, char *text, size_t text_bytes);

#endif
