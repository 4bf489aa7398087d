/* Why: what is looked at, as a file for other tools: every format that `pando report` has. The same choice of profiles, threads,
 * labels and states as for the tree.
 * Context: own process; the connection's thread. */
#include <stdio.h>
#include <string.h>

#include "profile/export.h"
#include "receiver/gzip_body.h"
#include "receiver/page_api.h"
#include "receiver/page_file.h"
#include "receiver/routes.h"

const struct pando_export_format *pando_page_take_format(struct pando_request *request)
{
    unsigned count;
    const char *name = pando_request_query(request, "format", &count);
    const struct pando_export_format *format = count == 1 && name != NULL ? pando_export_by_name(name) : NULL;
    if (count == 1 && name != NULL && strcmp(name, pando_page_file_format.name) == 0)
        format = &pando_page_file_format;
    if (format != NULL)
        return format;
    char names[200] = "";
    for (const struct pando_export_format *each = pando_export_formats; each->name != NULL; each++) {
        size_t len = strlen(names);
        snprintf(names + len, sizeof names - len, "%s, ", each->name);
    }
    pando_request_refuse(request, 400, PANDO_VALIDATION, "format must be given once: %s%s.", names, pando_page_file_format.name);
    return NULL;
}

int pando_page_encode(const struct pando_export_format *format, const struct pando_profile *profile,
                  const struct pando_export_about *about, struct pando_buffer *out)
{
    if (!format->is_gzip)
        return format->encode(profile, about, out);
    struct pando_buffer plain;
    pando_buffer_init(&plain, PANDO_PAGE_ANSWER_MAX_BYTES);
    int error = format->encode(profile, about, &plain);
    if (error == 0)
        error = pando_gzip_pack(plain.bytes, plain.len_bytes, out);
    pando_buffer_release(&plain);
    return error;
}

void pando_serve_download(struct pando_request *request)
{
    struct pando_page_query query;
    struct pando_page_sum sum;
    const struct pando_export_format *format = pando_page_take_format(request);
    if (format == NULL || pando_page_query_take(request, &query) != 0)
        return;
    query.is_raw = true; /* encoders look at states and slices themselves */
    if (pando_page_sum(request, &query, &sum) != 0)
        return;
    struct pando_answer *answer = &request->answer;
    struct pando_export_about about = {.title = request->group, .profile_count = sum.count,
                                       .view = pando_profile_view_settle(query.view, sum.totals),
                                       .ns_per_sample = pando_export_ns_per_sample(sum.whole)};
    pando_buffer_init(&answer->body, PANDO_PAGE_ANSWER_MAX_BYTES);
    if (pando_page_encode(format, sum.shown, &about, &answer->body) == 0) {
        pando_page_finish(request);
        answer->content_type = format->content_type;
        snprintf(answer->file_name, sizeof answer->file_name, "%s%s", request->group, format->suffixes[0]);
    } else {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "This profile is too large for a file; choose a shorter time.");
    }
    pando_page_sum_release(&sum);
}
