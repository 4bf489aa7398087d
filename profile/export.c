/* Why: profile/export.h. Context: as there. */
#include "profile/export.h"

#include <string.h>

const struct pando_export_format pando_export_formats[] = {
    {"pprof", "application/vnd.google.protobuf+gzip", {".pb.gz", ".pprof", ".pprof.gz"}, true, true, pando_pprof_encode},
    {"folded", "text/plain; charset=utf-8", {".folded", ".collapsed"}, false, false, pando_folded_encode},
    {"speedscope", "application/json", {".speedscope.json"}, false, false, pando_speedscope_encode},
    {"markdown", "text/markdown; charset=utf-8", {".md", ".markdown"}, false, false, pando_markdown_encode},
    {"otlp", "application/x-protobuf", {".otlp"}, false, true, pando_otlp_encode},
    {0},
};

const struct pando_export_format *pando_export_by_name(const char *name)
{
    for (const struct pando_export_format *format = pando_export_formats; format->name != NULL; format++)
        if (strcmp(format->name, name) == 0)
            return format;
    return NULL;
}

const struct pando_export_format *pando_export_by_file(const char *path)
{
    const struct pando_export_format *best = NULL;
    size_t best_len = 0, path_len = strlen(path);
    for (const struct pando_export_format *format = pando_export_formats; format->name != NULL; format++) {
        for (size_t i = 0; i < 4 && format->suffixes[i] != NULL; i++) {
            size_t len = strlen(format->suffixes[i]);
            if (len > best_len && len < path_len && strcmp(path + path_len - len, format->suffixes[i]) == 0) {
                best = format;
                best_len = len;
            }
        }
    }
    return best;
}

double pando_export_ns_per_sample(const struct pando_profile *profile)
{
    double total = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        total += (double)profile->nodes[i].self;
    return profile->meta.samples != 0 ? total / (double)profile->meta.samples : 0;
}
