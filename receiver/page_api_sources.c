/* Why: how much there is over time, and which hosts and processes it came from: what a page shows before it asks for a tree.
 * Answered from columns of the store; profiles are read only for a
 * chart of some threads, labels or states.
 * Context: own process; the connection's thread. */
#include <stdlib.h>

#include "base/error.h"
#include "profile/json_writer.h"
#include "receiver/page_api.h"
#include "receiver/routes.h"

enum { BARS_DEFAULT = 120, BARS_MAX = 2000, SOURCES_MAX = 1000 };

/* What the store could not do. */
static void refuse(struct pando_request *request, int error)
{
    if (error == PANDO_ERR_NOT_FOUND)
        pando_request_refuse(request, 404, PANDO_NOT_FOUND, "There is no profiling group \"%s\".", request->group);
    else
        pando_request_refuse(request, 500, PANDO_INTERNAL, "The store cannot be read.");
}

static void write_bars(struct pando_buffer *out, const char *name, const struct pando_store_bar *bars, size_t count,
                       size_t offset)
{
    pando_json_key(out, name);
    pando_buffer_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i != 0)
            pando_buffer_append_char(out, ',');
        pando_json_write_uint(out, pando_page_number(*(const uint64_t *)((const char *)&bars[i] + offset)));
    }
    pando_buffer_append_char(out, ']');
}

/* Whether the columns of the store, which know CPU time and wall time, are not enough. */
static bool is_part_of(const struct pando_page_query *query)
{
    return query->slices.thread_count + query->slices.label_count != 0 ||
           (query->view != PANDO_VIEW_DEFAULT && query->view != PANDO_VIEW_CPU && query->view != PANDO_VIEW_WALL);
}

static int read_series(struct pando_request *request, const struct pando_page_query *query, uint64_t bar_ms,
                       struct pando_store_bar *bars, size_t count)
{
    char message[PANDO_ANSWER_MESSAGE_BYTES];
    unsigned states = query->view == PANDO_VIEW_DEFAULT ? PANDO_VIEW_WALL : query->view;
    while (sem_wait(&request->service->merging) != 0)
        continue;
    int error = pando_store_series(request->service->store, &query->store, &query->slices, states, bar_ms, bars, count, message,
                                   sizeof message);
    sem_post(&request->service->merging);
    return error;
}

void pando_serve_timeline(struct pando_request *request)
{
    struct pando_page_query query;
    uint64_t count = BARS_DEFAULT;
    if (pando_page_query_take(request, &query) != 0 ||
        pando_page_take_number(request, "bars", 1, BARS_MAX, "a whole number from 1 to 2000", &count) != 0)
        return;
    if (query.store.end_ms == UINT64_MAX || query.store.end_ms == query.store.start_ms) {
        pando_request_refuse(request, 400, PANDO_VALIDATION, "A timeline needs a start and an end after it.");
        return;
    }
    uint64_t bar_ms = (query.store.end_ms - query.store.start_ms) / count + 1;
    struct pando_store_bar *bars = calloc(count, sizeof *bars);
    bool is_part = is_part_of(&query);
    int error = bars == NULL ? PANDO_ERR_NO_MEMORY
                : is_part    ? read_series(request, &query, bar_ms, bars, count)
                             : pando_store_timeline(request->service->store, &query.store, bar_ms, bars, count);
    if (error == 0) {
        struct pando_buffer *out = &request->answer.body;
        pando_buffer_init(out, PANDO_PAGE_ANSWER_MAX_BYTES);
        pando_buffer_append_char(out, '{');
        pando_json_member_uint(out, "startMs", query.store.start_ms);
        pando_json_member_uint(out, "barMs", bar_ms);
        write_bars(out, "cpuNs", bars, count, offsetof(struct pando_store_bar, cpu_ns));
        write_bars(out, "wallNs", bars, count, offsetof(struct pando_store_bar, wall_ns));
        if (!is_part) /* which samples are whose is not known */
            write_bars(out, "samples", bars, count, offsetof(struct pando_store_bar, samples));
        pando_buffer_append_char(out, '}');
        pando_page_finish(request);
    } else {
        refuse(request, error);
    }
    free(bars);
}

struct writing {
    struct pando_buffer *out;
    unsigned count;
};

static int write_source(void *context, const struct pando_store_source *source)
{
    struct writing *writing = context;
    struct pando_buffer *out = writing->out;
    if (writing->count++ >= SOURCES_MAX)
        return 1;
    pando_buffer_append_text(out, writing->count != 1 ? ",{" : "{");
    pando_json_key(out, "host");
    pando_json_write_string(out, source->host);
    pando_json_key(out, "process");
    pando_json_write_string(out, source->process);
    if (source->pid != 0)
        pando_json_member_uint(out, "pid", source->pid);
    pando_json_member_uint(out, "profiles", pando_page_number(source->profiles));
    pando_json_member_uint(out, "samples", pando_page_number(source->samples));
    pando_json_member_uint(out, "cpuNs", pando_page_number(source->cpu_ns));
    pando_json_member_uint(out, "wallNs", pando_page_number(source->wall_ns));
    pando_buffer_append_char(out, '}');
    return out->failed;
}

static int write_sources(struct pando_request *request, const struct pando_store_query *query, const char *name,
                         enum pando_store_by by)
{
    struct writing writing = {.out = &request->answer.body};
    pando_json_key(writing.out, name);
    pando_buffer_append_char(writing.out, '[');
    int error = pando_store_sources(request->service->store, query, by, write_source, &writing);
    pando_buffer_append_char(writing.out, ']');
    return error == 1 ? 0 : error; /* the heaviest will do */
}

void pando_serve_sources(struct pando_request *request)
{
    struct pando_page_query query;
    if (pando_page_query_take(request, &query) != 0)
        return;
    pando_buffer_init(&request->answer.body, PANDO_PAGE_ANSWER_MAX_BYTES);
    pando_buffer_append_char(&request->answer.body, '{');
    int error = write_sources(request, &query.store, "hosts", PANDO_STORE_BY_HOST);
    if (error == 0)
        error = write_sources(request, &query.store, "processes", PANDO_STORE_BY_PROCESS);
    pando_buffer_append_char(&request->answer.body, '}');
    if (error == 0)
        pando_page_finish(request);
    else
        refuse(request, error);
}
