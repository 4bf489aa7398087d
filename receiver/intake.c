/* Why: receiver/intake.h. Context: own process; the connection's thread. */
#include "receiver/intake.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"
#include "base/error.h"
#include "receiver/gate.h"
#include "receiver/routes.h"

enum {
    SMALL_BODY_BYTES = 65536,
    TREES_BODY_BYTES = 32 << 20, /* two trees of some hundred thousand nodes */
    DRAIN_MAX_BYTES = 64 << 20, /* what is read and thrown away before the connection is cut instead */
};
static const size_t BODIES_MAX_BYTES = 256 << 20; /* of all requests together */

static size_t body_limit(const struct pando_request *request)
{
    if (request->route == NULL || request->route->body == PANDO_BODY_NONE)
        return 0;
    return request->route->body == PANDO_BODY_SMALL   ? SMALL_BODY_BYTES
           : request->route->body == PANDO_BODY_TREES ? TREES_BODY_BYTES
                                                      : request->service->body_limit_bytes;
}

static int refuse_too_large(struct pando_request *request)
{
    return pando_request_refuse(request, 413, PANDO_VALIDATION, "The body is larger than %zu bytes.", body_limit(request));
}

/* Headers that two programs in a row may read differently are for smuggling requests past one of them. */
static enum MHD_Result count_framing(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    (void)value;
    *(int *)context += strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
    return MHD_YES;
}

static int check_host(struct pando_request *request)
{
    const char *host = pando_request_header(request, MHD_HTTP_HEADER_HOST);
    int framing = 0;
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_framing, &framing);
    if (framing > 1)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "The request tells the length of its body more than once.");
    if (host == NULL)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "The request has no Host header.");
    if (!pando_host_is_ours(&request->service->host_rule, host))
        return pando_request_refuse(request, 403, "AccessDeniedException", "The Host header is not a name of this receiver; "
                                    "use its address, or name it with --host-name.");
    if (!pando_origin_is_ours(pando_request_header(request, "Origin"), host))
        return pando_request_refuse(request, 403, "AccessDeniedException", "The request comes from the page of another origin.");
    return 0;
}

static bool is_type(const char *header, const char *type)
{
    size_t len = header != NULL ? strcspn(header, "; \t") : 0;
    return len == strlen(type) && strncasecmp(header, type, len) == 0;
}

static int check_content_type(struct pando_request *request)
{
    const char *type = pando_request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
    const char *wanted = "application/json";
    if (is_type(type, PANDO_TYPE_JSON))
        return 0;
    if (request->route->body == PANDO_BODY_PROFILE) {
        wanted = "application/json or application/x-amzn-ion";
        request->is_ion = is_type(type, PANDO_TYPE_ION);
        if (request->is_ion)
            return 0;
    }
    if (type == NULL)
        return pando_request_refuse(request, 415, "UnsupportedMediaTypeException", "Content-Type must be %s, but there is none.", wanted);
    return pando_request_refuse(request, 415, "UnsupportedMediaTypeException", "Content-Type must be %s, not \"%.100s\".", wanted, type);
}

static int check_body_headers(struct pando_request *request)
{
    if (body_limit(request) == 0)
        return 0;
    int error = check_content_type(request);
    if (error != 0)
        return error;
    const char *encoding = pando_request_header(request, MHD_HTTP_HEADER_CONTENT_ENCODING);
    request->is_gzip = encoding != NULL && strcasecmp(encoding, "gzip") == 0 && request->route->body == PANDO_BODY_PROFILE;
    if (encoding != NULL && !request->is_gzip && strcasecmp(encoding, "identity") != 0)
        return pando_request_refuse(request, 415, "UnsupportedMediaTypeException",
                                    "Content-Encoding must be %s, not \"%.100s\".",
                                    request->route->body == PANDO_BODY_PROFILE ? "gzip or none" : "none", encoding);
    const char *length = pando_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct pando_cursor cursor = pando_cursor_of_text(length != NULL ? length : "0");
    uint64_t length_bytes;
    if (pando_cursor_decimal(&cursor, UINT64_MAX, &length_bytes) != 0 || length_bytes > body_limit(request))
        return refuse_too_large(request);
    pando_buffer_init(&request->body, body_limit(request));
    return 0;
}

/* A page that a browser asks for is a form to log in with, when that is what is missing. */
static void offer_login(struct pando_request *request)
{
    if (request->answer.status == 401 && request->route->serve == pando_serve_page)
        pando_serve_login_page(request);
}

int pando_intake_headers(struct pando_request *request, const char *path)
{
    int error = check_host(request);
    if (error == 0)
        error = pando_route_find(request, path);
    if (error == 0 && (error = pando_gate_begin(request)) != 0)
        offer_login(request);
    if (error == 0)
        error = check_body_headers(request);
    return error;
}

void pando_intake_forget(struct pando_request *request)
{
    atomic_fetch_sub(&request->service->bodies_bytes, request->charged_bytes);
    request->charged_bytes = 0;
    pando_buffer_release(&request->body);
}

static int keep_body(struct pando_request *request, const char *bytes, size_t len_bytes)
{
    request->charged_bytes += len_bytes;
    if (atomic_fetch_add(&request->service->bodies_bytes, len_bytes) + len_bytes > BODIES_MAX_BYTES) {
        request->answer.retry_later = true;
        return pando_request_refuse(request, 429, PANDO_THROTTLING, "Too many bodies come in at once; try again.");
    }
    int error = pando_buffer_append(&request->body, bytes, len_bytes);
    if (error == PANDO_ERR_LIMIT)
        return refuse_too_large(request);
    if (error != 0)
        return pando_request_refuse(request, 500, PANDO_INTERNAL, "There is no memory for this body.");
    return 0;
}

bool pando_intake_body(struct pando_request *request, const char *bytes, size_t len_bytes)
{
    if (request->answer.status == 0 && body_limit(request) != 0) {
        if (keep_body(request, bytes, len_bytes) != 0)
            pando_intake_forget(request);
        return true;
    }
    request->drained_bytes += len_bytes;
    return request->drained_bytes <= DRAIN_MAX_BYTES;
}
