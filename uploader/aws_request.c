/* Why: uploader/aws_request.h. Context: the upload thread. */
#include "uploader/aws_request.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "uploader/bearer.h"

enum { URL_BYTES = 8192, HEADERS_MAX = 8 };

struct composed {
    char bearer[sizeof "Bearer " + PANDO_BEARER_BYTES];
    char url[URL_BYTES], path[URL_BYTES];
    struct pando_http_header headers[HEADERS_MAX];
    size_t headers_count;
    struct pando_sigv4_signature signature;
};

static void add(struct composed *composed, const char *name, const char *value)
{
    composed->headers[composed->headers_count++] = (struct pando_http_header){name, value};
}

static bool compose(const struct pando_aws_request *request, struct composed *composed)
{
    bool has_query = request->query[0] != '\0';
    int url_bytes = snprintf(composed->url, URL_BYTES, "%s%s%s%s", request->base_url, request->path, has_query ? "?" : "",
                             request->query);
    int path_bytes = snprintf(composed->path, URL_BYTES, "%s%s", request->prefix, request->path);
    add(composed, "Host", request->authority);
    if (request->content_type != NULL)
        add(composed, "Content-Type", request->content_type);
    if (request->bearer != NULL && request->bearer[0] != '\0') {
        snprintf(composed->bearer, sizeof composed->bearer, "Bearer %s", request->bearer);
        add(composed, "Authorization", composed->bearer);
    }
    return url_bytes > 0 && url_bytes < URL_BYTES && path_bytes >= 0 && path_bytes < URL_BYTES;
}

static int sign(const struct pando_aws_request *request, const struct pando_sigv4_key *key, int64_t wall_s,
                struct composed *composed)
{
    struct pando_sigv4_header headers[HEADERS_MAX];
    for (size_t i = 0; i < composed->headers_count; i++)
        headers[i] = (struct pando_sigv4_header){composed->headers[i].name, composed->headers[i].value};
    const struct pando_sigv4_request wire = {.method = request->method, .path = composed->path, .query = request->query,
                                             .headers = headers, .headers_count = composed->headers_count,
                                             .body = request->body, .body_bytes = request->body_bytes};
    int error = pando_sigv4_sign(&wire, key, wall_s, &composed->signature);
    if (error != 0)
        return error;
    add(composed, "X-Amz-Date", composed->signature.amz_date);
    if (key->session_token != NULL && key->session_token[0] != '\0')
        add(composed, "X-Amz-Security-Token", key->session_token);
    add(composed, "Authorization", composed->signature.authorization);
    return 0;
}

void pando_aws_request_send(struct pando_http *http, const struct pando_aws_request *request, const struct pando_sigv4_key *key,
                            int64_t wall_s, const atomic_bool *abort, struct pando_http_answer *ret_answer, char *reason,
                            size_t reason_bytes)
{
    struct composed composed = {.headers_count = 0};
    *ret_answer = (struct pando_http_answer){.outcome.failure = PANDO_TRY_IMPOSSIBLE, .body = ""};
    if (!compose(request, &composed)) {
        snprintf(reason, reason_bytes, "the request's URL is too long");
        return;
    }
    int error = 0;
    if (key != NULL && !pando_http_enter_tls(http)) {
        snprintf(reason, reason_bytes, "the program's OpenSSL is shut down already");
        ret_answer->outcome.failure = PANDO_TRY_UNREACHABLE;
        return;
    }
    if (key != NULL)
        error = sign(request, key, wall_s, &composed);
    if (error != 0) {
        snprintf(reason, reason_bytes, "the request cannot be signed: %s", pando_error_text(error));
        return;
    }
    const struct pando_http_request wire = {.method = request->method, .url = composed.url, .headers = composed.headers,
                                            .headers_count = composed.headers_count, .body = request->body,
                                            .body_bytes = request->body_bytes,
                                            .connect_timeout_ms = request->connect_timeout_ms,
                                            .total_timeout_ms = request->total_timeout_ms};
    pando_http_send(http, &wire, request->quotes, abort, ret_answer, reason, reason_bytes);
    explicit_bzero(composed.bearer, sizeof composed.bearer);
}
