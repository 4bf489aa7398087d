/* Why: receiver/request.h. Context: own process; the connection's thread. */
#include "receiver/request.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

const char PANDO_TYPE_JSON[] = "application/json";
const char PANDO_TYPE_ION[] = "application/x-amzn-ion";
const char PANDO_VALIDATION[] = "ValidationException";
const char PANDO_NOT_FOUND[] = "ResourceNotFoundException";
const char PANDO_INTERNAL[] = "InternalServerException";
const char PANDO_THROTTLING[] = "ThrottlingException";

int pando_request_refuse(struct pando_request *request, unsigned status, const char *type, const char *format, ...)
{
    struct pando_answer *answer = &request->answer;
    if (answer->status != 0)
        return PANDO_ERR_REFUSED;
    answer->status = status;
    answer->error_type = type;
    va_list args;
    va_start(args, format);
    vsnprintf(answer->message, sizeof answer->message, format, args);
    va_end(args);
    return PANDO_ERR_REFUSED;
}

const char *pando_request_header(const struct pando_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct search {
    const char *name, *value;
    unsigned count;
};

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct search *search = context;
    if (strcmp(name, search->name) == 0) {
        search->value = value;
        search->count++;
    }
    return MHD_YES;
}

const char *pando_request_query(const struct pando_request *request, const char *name, unsigned *ret_count)
{
    struct search search = {.name = name};
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, look_at, &search);
    if (ret_count != NULL)
        *ret_count = search.count;
    return search.value;
}

struct gathering {
    const char *name, **values;
    size_t count, max;
};

static enum MHD_Result gather(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct gathering *gathering = context;
    if (strcmp(name, gathering->name) != 0)
        return MHD_YES;
    if (gathering->count < gathering->max)
        gathering->values[gathering->count] = value != NULL ? value : "";
    gathering->count++;
    return MHD_YES;
}

size_t pando_request_query_list(const struct pando_request *request, const char *name, const char **values, size_t max)
{
    struct gathering gathering = {.name = name, .values = values, .max = max};
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, gather, &gathering);
    return gathering.count;
}

bool pando_request_unchanged(struct pando_request *request, const char *etag)
{
    snprintf(request->answer.etag, sizeof request->answer.etag, "%s", etag);
    const char *known = pando_request_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
    if (known == NULL || strcmp(known, etag) != 0)
        return false;
    request->answer.status = MHD_HTTP_NOT_MODIFIED;
    return true;
}
