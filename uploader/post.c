/* Why: uploader/post.h. Context: the upload thread. */
#include "uploader/post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "uploader/bearer.h"
#include "uploader/codeguru_endpoint.h"

static bool find_url(struct pando_destination *destination, struct pando_http *http, const atomic_bool *abort, char *reason,
                     size_t reason_bytes)
{
    struct pando_http_settings *settings = destination->settings;
    struct pando_signer *signer = destination->signer;
    char url[256];
    if (pando_signer_find_region(signer, http, abort, reason, reason_bytes) != 0)
        return false;
    if (pando_codeguru_url(signer->environment, signer->region, url, sizeof url) != 0)
        return false;
    /* An endpoint that the user has named is the same everywhere. */
    destination->lacks_region = strncmp(url, settings->base_url, strlen(settings->base_url)) != 0;
    if (!destination->lacks_region)
        return true;
    char *base_url = strdup(url), *authority = strdup(strstr(url, "://") + 3);
    if (base_url == NULL || authority == NULL) {
        free(base_url);
        free(authority);
        return false;
    }
    free(settings->base_url);
    free(settings->authority);
    settings->base_url = base_url;
    settings->authority = authority;
    destination->lacks_region = false;
    return true;
}

static void send_with_token(const struct pando_destination *destination, struct pando_http *http, struct pando_aws_request *request,
                            const atomic_bool *abort, struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes)
{
    char token[PANDO_BEARER_BYTES], again[PANDO_BEARER_BYTES];
    *ret_answer = (struct pando_http_answer){.outcome.failure = PANDO_TRY_NO_CREDENTIALS, .body = ""};
    if (pando_bearer_read(destination->environment, token, reason, reason_bytes) == 0) {
        request->bearer = token;
        pando_aws_request_send(http, request, NULL, 0, abort, ret_answer, reason, reason_bytes);
        /* It may have been renewed between the reading and the answer. */
        char unused[160];
        bool is_renewed = ret_answer->outcome.failure == PANDO_TRY_ANSWERED && ret_answer->outcome.status == 401 &&
                          pando_bearer_read(destination->environment, again, unused, sizeof unused) == 0 && strcmp(token, again) != 0;
        request->bearer = again;
        if (is_renewed)
            pando_aws_request_send(http, request, NULL, 0, abort, ret_answer, reason, reason_bytes);
    }
    explicit_bzero(token, sizeof token);
    explicit_bzero(again, sizeof again);
}

void pando_destination_send(struct pando_destination *destination, struct pando_http *http, const char *operation,
                            const char *query, const char *content_type, const void *body, size_t body_bytes,
                            const atomic_bool *abort, struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes)
{
    char path[512]; /* a group has at most 255 characters, none of which needs to be encoded */
    snprintf(path, sizeof path, "/profilingGroups/%.255s/%s", destination->group, operation);
    pando_destination_send_to(destination, http, path, query, content_type, body, body_bytes, abort, ret_answer, reason, reason_bytes);
}

void pando_destination_send_to(struct pando_destination *destination, struct pando_http *http, const char *path, const char *query,
                               const char *content_type, const void *body, size_t body_bytes, const atomic_bool *abort,
                               struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes)
{
    if (destination->lacks_region && !find_url(destination, http, abort, reason, reason_bytes)) {
        *ret_answer = (struct pando_http_answer){.outcome.failure = PANDO_TRY_NO_CREDENTIALS, .body = ""};
        return;
    }
    const struct pando_http_settings *settings = destination->settings;
    struct pando_aws_request request = {.method = "POST", .base_url = settings->base_url, .authority = settings->authority,
                                              .prefix = settings->prefix, .path = path, .query = query,
                                              .content_type = content_type, .body = body, .body_bytes = body_bytes, .quotes = true};
    if (destination->signer != NULL)
        pando_signer_send(destination->signer, http, &request, abort, ret_answer, reason, reason_bytes);
    else
        send_with_token(destination, http, &request, abort, ret_answer, reason, reason_bytes);
}

struct pando_try_outcome pando_post(struct pando_destination *destination, struct pando_http *http,
                                    const struct pando_payload *payload, const atomic_bool *abort, char *reason,
                                    size_t reason_bytes)
{
    char query[32 + PANDO_TOKEN_SIZE];
    struct pando_http_answer answer;
    snprintf(query, sizeof query, "profileToken=%s", payload->token);
    pando_destination_send(destination, http, "agentProfile", query, payload->content_type, payload->bytes, payload->len_bytes, abort,
                           &answer, reason, reason_bytes);
    return answer.outcome;
}
