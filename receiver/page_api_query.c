/* Why: receiver/page_api.h: from a request to the profiles that it means, and their sum as it is asked for.
 * Context: as there. */
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "receiver/page_api.h"
#include "receiver/routes.h"

uint64_t pando_page_number(uint64_t value)
{
    return value < INT64_MAX ? value : INT64_MAX - 1;
}

void pando_page_finish(struct pando_request *request)
{
    struct pando_answer *answer = &request->answer;
    if (answer->body.failed != 0) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "The answer is too large; choose a shorter time.");
        return;
    }
    answer->status = 200;
    answer->content_type = PANDO_TYPE_JSON;
}

int pando_page_take_number(struct pando_request *request, const char *name, uint64_t min, uint64_t max, const char *what,
                           uint64_t *ret_value)
{
    unsigned count;
    uint64_t value;
    const char *text = pando_request_query(request, name, &count);
    if (count == 0)
        return 0;
    struct pando_cursor cursor = pando_cursor_of_text(text != NULL ? text : "");
    if (count != 1 || pando_cursor_decimal(&cursor, max, &value) != 0 || !pando_cursor_at_end(&cursor) || value < min)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "%s must be given once, in %s.", name, what);
    *ret_value = value;
    return 0;
}

/* FNV-1a, each text with its end, so that "a" "bc" is not "ab" "c". */
static void mark(struct pando_page_query *query, const char *text)
{
    const char *at = text != NULL ? text : "";
    do
        query->mark = (query->mark ^ (unsigned char)*at) * 0x100000001b3u;
    while (*at++ != '\0');
}

/* A parameter that may be there several times; `wish` is what adds one. */
static bool take_list(struct pando_request *request, const char *name, struct pando_page_query *query,
                      bool (*wish)(struct pando_slice_wish *slices, const char *text))
{
    const char *values[PANDO_SLICE_WISHES_MAX];
    size_t count = pando_request_query_list(request, name, values, PANDO_SLICE_WISHES_MAX);
    bool is_good = count <= PANDO_SLICE_WISHES_MAX;
    for (size_t i = 0; i < count && is_good; i++) {
        mark(query, name);
        mark(query, values[i]);
        is_good = wish(&query->slices, values[i]);
    }
    return is_good;
}

/* Host or process: once; "" is where it is not known, which the store takes as any. */
static int take_origin(struct pando_request *request, const char *name, struct pando_page_query *query, const char **ret_value)
{
    unsigned count;
    const char *value = pando_request_query(request, name, &count);
    if (count > 1)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "%s must be given once.", name);
    *ret_value = count == 1 ? value : NULL;
    mark(query, *ret_value);
    return 0;
}

static int take_view(struct pando_request *request, struct pando_page_query *query)
{
    const char *text = pando_request_query(request, "state", NULL);
    query->is_raw = text != NULL && strcmp(text, "raw") == 0;
    query->view = PANDO_VIEW_DEFAULT;
    mark(query, text);
    if (query->is_raw || pando_profile_view_parse(text, &query->view))
        return 0;
    return pando_request_refuse(request, 400, PANDO_VALIDATION,
                                "state must be CPU, all, raw, or states such as RUNNABLE or WAITING, with commas between.");
}

int pando_page_query_take(struct pando_request *request, struct pando_page_query *ret_query)
{
    static const char milliseconds[] = "milliseconds since 1970";
    memset(ret_query, 0, sizeof *ret_query);
    ret_query->mark = 0xcbf29ce484222325u;
    struct pando_store_query *store = &ret_query->store;
    store->group = request->group;
    store->end_ms = UINT64_MAX;
    uint64_t pid = 0;
    if (take_view(request, ret_query) != 0 ||
        pando_page_take_number(request, "start", 0, UINT64_MAX, milliseconds, &store->start_ms) != 0 ||
        pando_page_take_number(request, "end", 0, UINT64_MAX, milliseconds, &store->end_ms) != 0 ||
        pando_page_take_number(request, "pid", 1, UINT32_MAX, "digits", &pid) != 0 ||
        take_origin(request, "host", ret_query, &store->host) != 0 ||
        take_origin(request, "process", ret_query, &store->process) != 0)
        return PANDO_ERR_REFUSED;
    store->pid = (uint32_t)pid;
    ret_query->mark ^= pid;
    if (store->start_ms > store->end_ms)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "start must not be after end.");
    if (!take_list(request, "thread", ret_query, pando_slice_wish_thread))
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "thread may be given %d times at most.", PANDO_SLICE_WISHES_MAX);
    if (!take_list(request, "label", ret_query, pando_slice_wish_label))
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "label must be KEY:VALUE, %d times at most.", PANDO_SLICE_WISHES_MAX);
    return 0;
}

/* Chooses the slices, then the states. */
static int look(struct pando_page_sum *sum, const struct pando_page_query *query)
{
    struct pando_profile *selected;
    if (query->is_raw && !sum->is_part) {
        sum->shown = sum->whole;
        sum->has_states = pando_profile_state_totals(sum->whole, sum->totals);
        sum->view = pando_profile_view_settle(query->view, sum->totals);
        return 0;
    }
    int error = pando_profile_select(sum->whole, &query->slices, &selected);
    if (error != 0)
        return error;
    sum->has_states = pando_profile_state_totals(selected, sum->totals);
    sum->view = pando_profile_view_settle(query->view, sum->totals);
    sum->shown = selected;
    if (query->is_raw)
        return 0;
    error = pando_profile_view(selected, query->view, &sum->shown);
    if (selected != sum->whole && selected != sum->shown)
        pando_profile_free(selected);
    if (error != 0)
        sum->shown = NULL;
    return error;
}

static int sum_up(struct pando_request *request, const struct pando_page_query *query, struct pando_page_sum *sum)
{
    char message[PANDO_ANSWER_MESSAGE_BYTES] = "There is no memory for the sum of these profiles.";
    int error = pando_store_sum(request->service->store, &query->store, &sum->whole, &sum->count, message, sizeof message);
    if (error == PANDO_ERR_NOT_FOUND)
        return pando_request_refuse(request, 404, PANDO_NOT_FOUND, "%s", message);
    if (error != 0)
        return pando_request_refuse(request, 500, PANDO_INTERNAL, "%s", message);
    if (look(sum, query) == 0)
        return 0;
    pando_page_sum_release(sum);
    return pando_request_refuse(request, 500, PANDO_INTERNAL, "There is no memory for this view.");
}

int pando_page_sum(struct pando_request *request, const struct pando_page_query *query, struct pando_page_sum *ret_sum)
{
    *ret_sum = (struct pando_page_sum){.is_part = query->slices.thread_count + query->slices.label_count != 0};
    while (sem_wait(&request->service->merging) != 0)
        continue;
    int error = sum_up(request, query, ret_sum);
    sem_post(&request->service->merging);
    if (error != 0)
        request->answer.etag[0] = '\0';
    return error;
}

void pando_page_sum_release(struct pando_page_sum *sum)
{
    if (sum->shown != NULL && sum->shown != sum->whole)
        pando_profile_free(sum->shown);
    pando_profile_free(sum->whole);
    *sum = (struct pando_page_sum){0};
}
