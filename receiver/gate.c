/* Why: receiver/gate.h. Context: own process; the connection's thread.
 * A signature says what it covers; what it must cover is aws/sigv4_verify.h's. That the same request comes twice is harmless: profiles
 * and groups have tokens, and everything else may be said twice; a request is too old after five minutes. */
#include "receiver/gate.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/aws_time.h"
#include "base/clock.h"
#include "base/error.h"
#include "receiver/auth.h"
#include "receiver/routes.h"

static const char SERVICE[] = "codeguru-profiler";
static const char BAD_SIGNATURE[] = "InvalidSignatureException";

static int64_t now_s(void)
{
    return (int64_t)(pando_clock_wall_ns() / 1000000000);
}

static int refuse_missing(struct pando_request *request)
{
    static const char type[] = "MissingAuthenticationTokenException";
    if (request->route->access == PANDO_ACCESS_SERVICE)
        return pando_request_refuse(request, 403, type, "This receiver takes requests that are signed with one of its access keys, or "
                                    "that bear one of its tokens, and this one has neither.");
    request->answer.wants_bearer = true;
    return pando_request_refuse(request, 401, type, "Log in on the receiver's page, or send one of its tokens as "
                                "\"Authorization: Bearer TOKEN\" (pando report: set PANDO_TOKEN).");
}

static int check_bearer(struct pando_request *request, const char *token)
{
    if (pando_auth_is_token(request->service->auth, token + strspn(token, " ")))
        return 0;
    request->answer.wants_bearer = true;
    return pando_request_refuse(request, request->route->access == PANDO_ACCESS_SERVICE ? 403 : 401, "UnrecognizedClientException",
                                "The bearer token is none of this receiver's.");
}

static bool has_session(const struct pando_request *request)
{
    const char *session = MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, PANDO_SESSION_COOKIE);
    return request->route->access == PANDO_ACCESS_PAGE && session != NULL &&
           pando_auth_is_session(request->service->auth, session, now_s());
}

/* Before the body comes: its time is near ours. In words that Amazon's clients know. */
static int check_time(struct pando_request *request)
{
    const char *date = pando_request_header(request, "X-Amz-Date");
    int64_t signed_s, now = now_s();
    if (date == NULL || pando_aws_time_parse_compact(date, &signed_s) != 0)
        return pando_request_refuse(request, 403, "IncompleteSignatureException",
                                    "A signed request must have the header X-Amz-Date, such as 20261124T000000Z.");
    if (llabs(now - signed_s) <= PANDO_AUTH_SKEW_S)
        return 0;
    char ours[PANDO_AWS_TIME_SIZE];
    pando_aws_time_format(now, ours);
    return pando_request_refuse(request, 403, BAD_SIGNATURE, "Signature %s: it is of %s, and here it is %s; they may be %d s apart.",
                                signed_s < now ? "expired" : "not yet current", date, ours, (int)PANDO_AUTH_SKEW_S);
}

static int check_claim(struct pando_request *request, const char *authorization)
{
    struct pando_sigv4_claim *claim = &request->claim;
    if (pando_sigv4_claim_read(authorization, claim) != 0)
        return pando_request_refuse(request, 403, "IncompleteSignatureException",
                                    "The header Authorization must be \"AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., "
                                    "Signature=...\".");
    request->secret = pando_auth_secret(request->service->auth, claim->access_key_id);
    if (request->secret == NULL)
        return pando_request_refuse(request, 403, "UnrecognizedClientException",
                                    "The access key %s is none of this receiver's.", claim->access_key_id);
    if (strcmp(claim->service, SERVICE) != 0)
        return pando_request_refuse(request, 403, BAD_SIGNATURE, "The credential must be scoped to the service %s, not %s.", SERVICE,
                                    claim->service);
    return check_time(request);
}

int pando_gate_begin(struct pando_request *request)
{
    if (request->service->auth == NULL || request->route->access == PANDO_ACCESS_OPEN)
        return 0;
    const char *authorization = pando_request_header(request, MHD_HTTP_HEADER_AUTHORIZATION);
    if (authorization == NULL)
        return has_session(request) ? 0 : refuse_missing(request);
    if (strncasecmp(authorization, "Bearer ", 7) == 0)
        return check_bearer(request, authorization + 7);
    if (strncmp(authorization, "AWS4-HMAC-SHA256", 16) == 0)
        return check_claim(request, authorization);
    return refuse_missing(request);
}

struct gathering {
    struct pando_sigv4_header headers[PANDO_SIGV4_HEADERS_MAX];
    size_t count;
};

static enum MHD_Result gather(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct gathering *gathering = context;
    if (gathering->count < PANDO_SIGV4_HEADERS_MAX)
        gathering->headers[gathering->count] = (struct pando_sigv4_header){.name = name, .value = value != NULL ? value : ""};
    gathering->count++;
    return MHD_YES;
}

int pando_gate_end(struct pando_request *request)
{
    if (request->secret == NULL)
        return 0;
    struct gathering gathering = {.count = 0};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, gather, &gathering);
    if (gathering.count > PANDO_SIGV4_HEADERS_MAX)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "A signed request may have at most %d headers.",
                                    (int)PANDO_SIGV4_HEADERS_MAX);
    char *query = strchr(request->uri, '?');
    /* To signers a plus is a plus; to forms, and so to us, it is a blank. Who says %2B or %20 is understood by both. */
    if (query != NULL && strchr(query, '+') != NULL)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "A plus sign in a signed query must be sent as %%2B.");
    char *path_end = query != NULL ? query : request->uri + strlen(request->uri);
    char mark = *path_end;
    *path_end = '\0';
    const struct pando_sigv4_request wire = {
        .method = request->method, .path = request->uri, .query = query != NULL ? query + 1 : "", .headers = gathering.headers,
        .headers_count = gathering.count, .body = request->body.bytes, .body_bytes = request->body.len_bytes};
    int error = pando_sigv4_verify(&wire, &request->claim, request->secret);
    *path_end = mark;
    if (error == 0)
        return 0;
    if (error == PANDO_ERR_NO_MEMORY)
        return pando_request_refuse(request, 500, PANDO_INTERNAL, "There is no memory for a signature.");
    if (error == PANDO_ERR_LIMIT)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "The request has too much in its path or query to be signed.");
    if (error == PANDO_ERR_INVALID)
        return pando_request_refuse(request, 403, BAD_SIGNATURE, "The signature must cover Host, X-Amz-Date of the credential's day, "
                                    "each header that begins with X-Amz-, and the body.");
    return pando_request_refuse(request, 403, BAD_SIGNATURE,
                                "The signature is another than what this receiver makes of the request and its secret; "
                                "check the secret access key.");
}
