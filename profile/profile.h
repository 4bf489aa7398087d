/* Why: the profile model that every encoder, decoder, the receiver and the reports share: a call tree with its
 * strings and metadata. Built once by a builder, immutable afterwards.
 * Context: worker and own processes. A builder is used by one thread; a finished profile may be read by any.
 *
 * Words: a frame is what a node shows (function, object, file); a node is a frame under a parent; `self` is what was
 * sampled with the node innermost, in sample weights (1 = one sampling interval of CPU time). Strings and frames are
 * numbered; number 0 is "" / the root's frame "". nodes[0] is the root; a parent's number is below its children's. */
#ifndef PANDO_PROFILE_PROFILE_H
#define PANDO_PROFILE_PROFILE_H

#include <stddef.h>
#include <stdint.h>

struct pando_profile_frame {
    uint32_t name;      /* string: function as shown, demangled; "[object+0xoffset]" when it has no name */
    uint32_t object;    /* string: file name of the mapped object without its folders; 0 unknown */
    uint32_t file;      /* string: source file; 0 unknown */
    uint32_t line_min;  /* source lines seen; 0 unknown */
    uint32_t line_max;
};

struct pando_profile_node {
    uint32_t parent;    /* node number; the root's is itself, 0 */
    uint32_t frame;     /* frame number */
    uint64_t self;      /* summed weights of the samples whose innermost frame this is */
};

/* How much of a function was sampled with it on one of its lines, over all threads and stacks: `self` with that line innermost, `total`
 * with it anywhere (once a sample); of CPU time and of wall time. What is missing from the function's own weight has no line. */
struct pando_profile_line {
    uint32_t frame, line; /* of the frame's file; > 0 */
    uint64_t self, total, wall_self, wall_total;
};

/* A counter that travels with the profile (samples dropped by reason, and the like). */
struct pando_profile_counter {
    uint32_t name;      /* string, camelCase as in the CodeGuru body */
    uint64_t value;     /* since the previous profile of the same agent */
};

/* A file whose code was sampled, so that readers can name what the agent could not, and pprof can list its mappings. Several may
 * have one name: frames know their object by name only. */
struct pando_profile_object {
    uint32_t name;      /* string, as in frames */
    uint32_t path;      /* string: the whole path in the agent's process; 0 unknown */
    uint32_t build_id;  /* string: lower-case hexadecimal digits; 0 none, or unknown */
};

enum {
    PANDO_PROFILE_ID_SIZE = 37,       /* a lower-case UUID and its NUL */
    PANDO_PROFILE_OBJECTS_MAX = 1024,
    PANDO_PROFILE_LINES_MAX = 1 << 17,
};

struct pando_profile_meta {
    uint64_t start_wall_ms;          /* of the interval, since 1970 */
    uint64_t end_wall_ms;            /* of the last sample; > start_wall_ms */
    uint64_t active_ms;              /* time that sampling was on */
    uint64_t agent_start_wall_ms;
    double weight_per_second;        /* nominal sampling rate: self / this = CPU seconds */
    double cpu_time_s;               /* CPU time of the whole process over the interval */
    double mean_threads;             /* mean number of threads seen */
    uint64_t samples;                /* stacks folded in (unweighted) */
    uint64_t overhead_cpu_ms;        /* CPU time of the agent's own threads and handler */
    uint64_t overhead_memory_mib;
    uint32_t pid;
    uint32_t vcpus;                  /* that the process may use */
    uint32_t counter_name;           /* string, e.g. "WALL_TIME": the key in counts and sampleWeights */
    uint32_t runtime_version;        /* string, e.g. "glibc 2.36" */
    uint32_t agent_type;             /* string, "Pando" unless decoded from another agent */
    uint32_t agent_version;          /* string */
    uint32_t host_name;              /* string; 0 unknown */
    uint32_t process_name;           /* string; 0 unknown */
    uint32_t fleet_info;             /* string: a JSON object that is fleetInfo as it stands; 0: the form with an identity and vcpus */
    char fleet_id[PANDO_PROFILE_ID_SIZE]; /* UUID of this process start */
};

struct pando_profile {
    struct pando_profile_meta meta;
    const char *const *strings;
    const struct pando_profile_frame *frames;
    const struct pando_profile_node *nodes;
    const struct pando_profile_counter *counters;
    const struct pando_profile_object *objects;
    const struct pando_profile_line *lines;
    uint32_t string_count, frame_count, node_count, counter_count, object_count, line_count;
};

struct pando_profile_builder;

/* A builder that never uses more than about `limit_bytes` (strings, frames, nodes and their indexes counted).
 * NULL when there is no memory. */
struct pando_profile_builder *pando_profile_builder_new(size_t limit_bytes);
void pando_profile_builder_free(struct pando_profile_builder *builder);

/* The number of a string: the same for the same bytes. Invalid UTF-8 and NUL are replaced by U+FFFD, text is cut at
 * 4096 bytes on a character. Returns >= 0 (fits int64), or PANDO_ERR_LIMIT / PANDO_ERR_NO_MEMORY; nothing was added. */
int64_t pando_profile_builder_string(struct pando_profile_builder *builder, const char *text, size_t len_bytes);
/* The number of a frame: the same for the same name, object and file; its line range is widened. Same errors. */
int64_t pando_profile_builder_frame(struct pando_profile_builder *builder, struct pando_profile_frame frame);
/* The child of `parent` that shows `frame`, made if needed. Same errors; PANDO_ERR_INVALID for unknown numbers. */
int64_t pando_profile_builder_child(struct pando_profile_builder *builder, uint32_t parent, uint32_t frame);
/* Adds to a node's self weight. PANDO_ERR_INVALID for an unknown node. */
int pando_profile_builder_add_self(struct pando_profile_builder *builder, uint32_t node, uint64_t weight);
/* Adds `value` to the counter of that name, made if needed. */
int pando_profile_builder_add_counter(struct pando_profile_builder *builder, const char *name, uint64_t value);
/* The number of an object: the same for the same three strings. PANDO_ERR_INVALID for unknown ones; PANDO_ERR_LIMIT also when there
 * are PANDO_PROFILE_OBJECTS_MAX. */
int64_t pando_profile_builder_object(struct pando_profile_builder *builder, struct pando_profile_object object);
/* Adds to the weights of a frame's line, which is made if needed. Its number. PANDO_ERR_INVALID for an unknown frame or line 0;
 * PANDO_ERR_LIMIT also when there are PANDO_PROFILE_LINES_MAX. */
int64_t pando_profile_builder_line(struct pando_profile_builder *builder, struct pando_profile_line line);
/* The metadata, to be filled in before finish. */
struct pando_profile_meta *pando_profile_builder_meta(struct pando_profile_builder *builder);
/* Bytes in use, as counted against the limit. */
size_t pando_profile_builder_bytes(const struct pando_profile_builder *builder);

/* Turns the builder into an immutable profile and frees the builder (also on an error: then NULL). */
struct pando_profile *pando_profile_builder_finish(struct pando_profile_builder *builder);
void pando_profile_free(struct pando_profile *profile);

/* Adds every node of `profile` to `builder` under its root; each self is multiplied by `scale_numerator` /
 * meta.weight_per_second and rounded (so that profiles of different rates add up; numerator = units per CPU second,
 * e.g. 1e9 for nanoseconds). Counters and weights of lines are added, objects joined (of these two as far as there is room), line ranges widened; metadata is left alone. Same errors as child. */
int pando_profile_builder_merge(struct pando_profile_builder *builder, const struct pando_profile *profile,
                                double scale_numerator);

#endif
