/* Why: what the service calls aggregated profiles: ListProfileTimes and GetProfile. A profile belongs to the span in which it began,
 * so that spans side by side never count it twice.
 * Context: own process; the connection's thread. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws_time.h"
#include "base/cursor.h"
#include "base/error.h"
#include "profile/codeguru_ion.h"
#include "receiver/accept.h"
#include "receiver/gzip_body.h"
#include "receiver/parameters.h"
#include "receiver/routes.h"
#include "receiver/store_groups.h"

enum {
    TIMES_MAX = 1000,
    PERIOD_TEXT_MAX = 64,
    DEPTH_MAX_FRAMES = 10000,
    TIMES_ANSWER_MAX_BYTES = 1 << 20,
    PROFILE_ANSWER_MAX_BYTES = 1 << 29,
};
static const uint64_t RANGE_MAX_MS = 7 * 86400000ull;

/* What ListProfileTimes is asked for. */
struct listing {
    uint64_t start_ms, end_ms; /* of the first and of the last profile that may be in a span */
    uint64_t span_ms, wanted;
    bool falling;
};

static int take_span(struct pando_request *request, struct listing *listing)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } spans[] = {{"PT5M", 300000}, {"PT1H", 3600000}, {"P1D", 86400000}};
    const char *text;
    int error = pando_take_text(request, "period", &text);
    if (error != 0)
        return error;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0] && text != NULL; i++) {
        if (strcmp(text, spans[i].name) == 0) {
            listing->span_ms = spans[i].ms;
            return 0;
        }
    }
    return pando_request_refuse(request, 400, PANDO_VALIDATION, "period must be PT5M, PT1H or P1D.");
}

static int take_order(struct pando_request *request, struct listing *listing)
{
    const char *text;
    int error = pando_take_text(request, "orderBy", &text);
    if (error != 0)
        return error;
    listing->falling = text == NULL || strcmp(text, "TimestampDescending") == 0;
    if (listing->falling || strcmp(text, "TimestampAscending") == 0)
        return 0;
    return pando_request_refuse(request, 400, PANDO_VALIDATION, "orderBy must be TimestampDescending or TimestampAscending.");
}

/* A page's token is the beginning of its last span: the next page goes on behind it. */
static int take_times_page(struct pando_request *request, struct listing *listing)
{
    const char *token;
    uint64_t last_ms;
    int error = pando_take_token(request, "nextToken", &token);
    if (error != 0 || token == NULL)
        return error;
    struct pando_cursor cursor = pando_cursor_of_text(token);
    if (pando_cursor_skip_char(&cursor, listing->falling ? 'd' : 'a') != 0 ||
        pando_cursor_decimal(&cursor, INT64_MAX, &last_ms) != 0 || !pando_cursor_at_end(&cursor) ||
        last_ms % listing->span_ms != 0)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "nextToken is not one that this operation has given out.");
    if (listing->falling && last_ms <= listing->end_ms)
        listing->end_ms = last_ms != 0 ? last_ms - 1 : 0;
    if (!listing->falling && last_ms >= listing->start_ms)
        listing->start_ms = last_ms + listing->span_ms;
    return 0;
}

static int take_listing(struct pando_request *request, struct listing *listing)
{
    bool has_start, has_end;
    if (take_span(request, listing) != 0 || take_order(request, listing) != 0 ||
        pando_take_iso_time(request, "startTime", &listing->start_ms, &has_start) != 0 ||
        pando_take_iso_time(request, "endTime", &listing->end_ms, &has_end) != 0 ||
        pando_take_number(request, "maxResults", 1, TIMES_MAX, &listing->wanted) != 0)
        return PANDO_ERR_REFUSED;
    if (!has_start || !has_end)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "startTime and endTime must be given.");
    if (listing->start_ms >= listing->end_ms)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "startTime must be before endTime.");
    /* Spans that begin in the range; the last of them may go beyond it. */
    listing->start_ms += (listing->span_ms - listing->start_ms % listing->span_ms) % listing->span_ms;
    listing->end_ms += (listing->span_ms - listing->end_ms % listing->span_ms) % listing->span_ms - 1;
    return take_times_page(request, listing);
}

static void write_times(struct pando_request *request, const uint64_t *begins_ms, size_t count, const struct listing *listing)
{
    struct pando_buffer *out = &request->answer.body;
    size_t shown = count < listing->wanted ? count : listing->wanted;
    pando_buffer_init(out, TIMES_ANSWER_MAX_BYTES);
    pando_buffer_append_text(out, "{\"profileTimes\":[");
    for (size_t i = 0; i < shown; i++) {
        char text[PANDO_AWS_TIME_MS_SIZE];
        pando_aws_time_format_ms(begins_ms[i], text);
        pando_buffer_append_format(out, "%s{\"start\":\"%s\"}", i != 0 ? "," : "", text);
    }
    pando_buffer_append_char(out, ']');
    if (count > listing->wanted)
        pando_buffer_append_format(out, ",\"nextToken\":\"%c%" PRIu64 "\"", listing->falling ? 'd' : 'a', begins_ms[shown - 1]);
    pando_buffer_append_char(out, '}');
    if (out->failed != 0) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "There is no memory for this list.");
        return;
    }
    request->answer.status = 200;
    request->answer.content_type = PANDO_TYPE_JSON;
}

void pando_serve_profile_times(struct pando_request *request)
{
    struct listing listing = {.wanted = TIMES_MAX};
    uint64_t begins_ms[TIMES_MAX + 1];
    if (take_listing(request, &listing) != 0)
        return;
    int64_t count = pando_store_times(request->service->store, request->group, listing.span_ms, listing.start_ms, listing.end_ms,
                                      listing.falling, begins_ms, listing.wanted + 1);
    if (count >= 0)
        write_times(request, begins_ms, (size_t)count, &listing);
    else if (count == PANDO_ERR_NOT_FOUND)
        pando_request_refuse(request, 404, PANDO_NOT_FOUND, "There is no profiling group of this name.");
    else
        pando_request_refuse(request, 500, PANDO_INTERNAL, "The store cannot be read.");
}

/* What GetProfile is asked for. */
struct wish {
    uint64_t start_ms, end_ms; /* the end is not in it */
    uint64_t depth;
    enum pando_accept form;
};

static int note_latest(void *context, const struct pando_group *group)
{
    *(uint64_t *)context = group->latest_start_ms;
    return 0;
}

/* The span of that length in which the latest profile began. */
static int find_latest(struct pando_request *request, uint64_t period_ms, struct wish *wish)
{
    uint64_t latest_ms = 0;
    int error = pando_store_group_find(request->service->store, request->group, note_latest, &latest_ms);
    if (error == PANDO_ERR_NOT_FOUND)
        return pando_request_refuse(request, 404, PANDO_NOT_FOUND, "There is no profiling group of this name.");
    if (error != 0)
        return pando_request_refuse(request, 500, PANDO_INTERNAL, "The store cannot be read.");
    wish->start_ms = latest_ms - latest_ms % period_ms;
    wish->end_ms = wish->start_ms + period_ms;
    return 0;
}

static int take_period(struct pando_request *request, uint64_t *ret_ms, bool *ret_is_there)
{
    const char *text;
    int error = pando_take_text(request, "period", &text);
    *ret_is_there = error == 0 && text != NULL;
    if (!*ret_is_there)
        return error;
    if (strlen(text) > PERIOD_TEXT_MAX || pando_aws_duration_parse(text, ret_ms) != 0)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "period must be a duration such as PT5M or P1DT1H1M1S.");
    return 0;
}

static int take_range(struct pando_request *request, struct wish *wish)
{
    bool has_start, has_end, has_period;
    uint64_t period_ms = 0;
    if (pando_take_iso_time(request, "startTime", &wish->start_ms, &has_start) != 0 ||
        pando_take_iso_time(request, "endTime", &wish->end_ms, &has_end) != 0 ||
        take_period(request, &period_ms, &has_period) != 0)
        return PANDO_ERR_REFUSED;
    if (has_start && has_end && has_period)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "Only two of startTime, endTime and period may be given.");
    if ((has_start || has_end || has_period) == false)
        return pando_request_refuse(request, 400, PANDO_VALIDATION,
                                    "One of startTime, endTime and period must be given, or two of them.");
    if ((has_start != has_end) && !has_period)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "%s needs period or %s beside it.",
                                    has_start ? "startTime" : "endTime", has_start ? "endTime" : "startTime");
    if (period_ms > RANGE_MAX_MS)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "The time range must be at most 7 days.");
    if (has_period && has_start)
        wish->end_ms = wish->start_ms + period_ms;
    else if (has_period && has_end)
        wish->start_ms = wish->end_ms > period_ms ? wish->end_ms - period_ms : 0;
    else if (has_period)
        return find_latest(request, period_ms, wish);
    if (wish->start_ms >= wish->end_ms)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "startTime must be before endTime.");
    if (wish->end_ms - wish->start_ms > RANGE_MAX_MS)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "The time range must be at most 7 days.");
    return 0;
}

static int pack(struct pando_request *request)
{
    struct pando_buffer packed;
    pando_buffer_init(&packed, PROFILE_ANSWER_MAX_BYTES);
    int error = pando_gzip_pack(request->answer.body.bytes, request->answer.body.len_bytes, &packed);
    pando_buffer_release(&request->answer.body);
    request->answer.body = packed;
    request->answer.content_encoding = "gzip";
    return error;
}

static void answer_profile(struct pando_request *request, const struct pando_profile *profile, const struct wish *wish)
{
    const struct pando_codeguru_form form = {.is_ion = wish->form == PANDO_ACCEPT_ION, .is_aggregate = true,
                                             .max_depth = (uint32_t)wish->depth};
    pando_buffer_init(&request->answer.body, PROFILE_ANSWER_MAX_BYTES);
    int error = pando_codeguru_encode(profile, &form, &request->answer.body);
    if (error == 0 && pando_accept_gzip(pando_request_header(request, "Accept-Encoding")))
        error = pack(request);
    if (error != 0) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "The profile is too large; choose a shorter time, or maxDepth.");
        return;
    }
    request->answer.status = 200;
    request->answer.content_type = form.is_ion ? PANDO_TYPE_ION : PANDO_TYPE_JSON;
}

static void sum(struct pando_request *request, const struct wish *wish)
{
    struct pando_profile *profile;
    uint64_t count;
    char message[PANDO_ANSWER_MESSAGE_BYTES] = "There is no memory for the sum of these profiles.";
    const struct pando_store_query query = {.group = request->group, .start_ms = wish->start_ms, .end_ms = wish->end_ms - 1,
                                            .by_start = true};
    int error = pando_store_sum(request->service->store, &query, &profile, &count, message, sizeof message);
    if (error == PANDO_ERR_NOT_FOUND) {
        pando_request_refuse(request, 404, PANDO_NOT_FOUND, "%s", message);
    } else if (error != 0) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "%s", message);
    } else {
        answer_profile(request, profile, wish);
        pando_profile_free(profile);
    }
}

void pando_serve_get_profile(struct pando_request *request)
{
    struct wish wish = {.form = pando_accept_choose(pando_request_header(request, "Accept"))};
    if (wish.form == PANDO_ACCEPT_NEITHER) {
        pando_request_refuse(request, 400, PANDO_VALIDATION, "Accept must be application/json or application/x-amzn-ion.");
        return;
    }
    if (pando_take_number(request, "maxDepth", 1, DEPTH_MAX_FRAMES, &wish.depth) != 0 || take_range(request, &wish) != 0)
        return;
    while (sem_wait(&request->service->merging) != 0)
        continue;
    sum(request, &wish);
    sem_post(&request->service->merging);
}
