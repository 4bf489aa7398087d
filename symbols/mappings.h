/* Why: which object is mapped at an address, now or a moment ago: executable mappings and the objects that they show.
 * Context: worker; one owner. Private to symbols/. Reads text that the caller got from /proc/self/maps, opens nothing. */
#ifndef PANDO_SYMBOLS_MAPPINGS_H
#define PANDO_SYMBOLS_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PANDO_MAPPINGS_MAX = 65536,      /* executable ones; the kernel's own limit for all is 65530 unless raised */
    PANDO_MAPPINGS_GONE_MAX = 4096,  /* that are no longer in the map */
    PANDO_MAPPINGS_OBJECTS_MAX = 8192,
    PANDO_MAPPINGS_PATH_BYTES = 4096,
};

enum pando_object_kind {
    PANDO_OBJECT_FILE,
    PANDO_OBJECT_VDSO,
    PANDO_OBJECT_ANONYMOUS, /* memory without a file: code made at run time, "[anon:...]", "[vsyscall]" */
};

struct pando_elf_names;
struct pando_object_debug;
struct pando_debug_lines;

struct pando_object {
    uint32_t number;        /* from 1, in the order of first sight; never used twice */
    enum pando_object_kind kind;
    char *path;             /* without " (deleted)"; malloc'ed */
    const char *name;       /* its last part, within path */
    bool deleted;
    uint32_t dev_major, dev_minor;
    uint64_t inode;
    uint32_t mapping_count;
    size_t shown_at;        /* the number of one of these mappings, if possible one in the latest map */
    uint64_t located_in;    /* the last period in which an address was located in it; 0: in none */
    /* The owner's (symbols.c): */
    struct pando_elf_names *names;
    struct pando_object_debug *debug; /* what was found out about it; NULL: nothing yet */
    struct pando_debug_lines *lines;
    uint64_t last_use;
    uint32_t read_count, lines_read_count;
    bool unreadable, has_no_lines;
    size_t lines_refused_bytes;       /* to open its debug information is more work than this */
    bool tried_to_verify;
    bool verified;          /* the file at path was found to be the mapped one; it is the one with: */
    uint64_t file_dev, file_inode;
};

struct pando_mapping {
    uint64_t start, end;    /* addresses [start, end) */
    uint64_t file_offset;   /* of start */
    struct pando_object *object;
    uint64_t gone_since;    /* 0: in the latest map; else the number of the update that missed it first */
};

struct pando_mappings {
    struct pando_mapping *items; /* sorted, no overlap */
    size_t count;
    struct pando_object **objects;
    size_t object_count, object_capacity;
    uint64_t update_number;
    uint64_t periods_ended;
    uint32_t numbers_given;
    void (*on_object_freed)(struct pando_object *object); /* frees what the owner keeps in it; may be NULL */
};

void pando_mappings_release(struct pando_mappings *mappings);
/* Takes over a map in the form of /proc/PID/maps. Mappings that are not in it stay, marked as gone, as far as no other now
 * has their addresses (anonymous ones do not stay). Returns 0; PANDO_ERR_LIMIT when some were left out for the maxima;
 * PANDO_ERR_SYNTAX or PANDO_ERR_NO_MEMORY: nothing has changed. */
int pando_mappings_update(struct pando_mappings *mappings, const char *maps, size_t len_bytes);
/* NULL when nothing executable is, or was, at `address`. */
const struct pando_mapping *pando_mappings_find(const struct pando_mappings *mappings, uint64_t address);

/* The same, and the object then stays known, mapped or not, until the period after this one has ended. */
const struct pando_mapping *pando_mappings_locate(struct pando_mappings *mappings, uint64_t address);
/* NULL when there is no such number (any more). */
struct pando_object *pando_mappings_object(const struct pando_mappings *mappings, uint32_t number);
/* Ends a period: objects that are gone and were not located in it are forgotten. */
void pando_mappings_end_period(struct pando_mappings *mappings);

#endif
