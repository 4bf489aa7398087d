/* Why: profiles leave Pando in the formats that other tools read: one list of them, with their names, for the command and for the
 * receiver's downloads. docs/formats.md says what each carries.
 * Context: own processes. Pure: a profile in, bytes out. */
#ifndef PANDO_PROFILE_EXPORT_H
#define PANDO_PROFILE_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "profile/profile.h"

/* What the reader should know besides the profile. All weights of the profile are nanoseconds. */
struct pando_export_about {
    const char *title;        /* the group's or the file's name */
    uint64_t profile_count;   /* that were merged; 0 unknown */
    unsigned view;            /* of profile/states.h: CPU and wall time never go into one file together */
    double ns_per_sample;     /* what a sample stands for on average; 0 unknown */
};

struct pando_export_format {
    const char *name;         /* "pprof" */
    const char *content_type;
    const char *suffixes[4];  /* of files, ".pb.gz" first; the first is for new files */
    bool is_gzip;             /* what goes into a file or an answer is packed with gzip */
    bool is_binary;
    int (*encode)(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out);
};

/* All formats; ends with one whose name is NULL. */
extern const struct pando_export_format pando_export_formats[];
/* By name, or by the longest suffix that a file's name ends with. NULL: none. */
const struct pando_export_format *pando_export_by_name(const char *name);
const struct pando_export_format *pando_export_by_file(const char *path);

/* The mean time of a sample, to be asked of the whole profile, before threads or states are chosen. 0: it has no samples. */
double pando_export_ns_per_sample(const struct pando_profile *profile);

/* The encoders: the profile may have states and slices. They append to `out`; 0, PANDO_ERR_LIMIT or PANDO_ERR_NO_MEMORY. */
int pando_pprof_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out);
int pando_otlp_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out);
int pando_folded_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out);
int pando_speedscope_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out);
int pando_markdown_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out);

#endif
