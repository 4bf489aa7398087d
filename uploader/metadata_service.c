/* Why: uploader/metadata_service.h, and the credentials that it has. Context: the upload thread. */
#include "uploader/metadata_service.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"
#include "base/environment.h"
#include "base/error.h"

enum { TIMEOUT_S = 1, TIMEOUT_MAX_S = 5, TRIES = 1, TRIES_MAX = 5, PAUSE_MS = 200 };

static const char role_path[] = "/latest/meta-data/iam/security-credentials/";

static uint32_t number(const char *environment, const char *name, uint32_t max, uint32_t fallback)
{
    const char *text = pando_environment_get(environment, name);
    uint64_t value = 0;
    struct pando_cursor cursor = pando_cursor_of_text(text != NULL ? text : "");
    if (pando_cursor_decimal(&cursor, UINT32_MAX, &value) != 0 || !pando_cursor_at_end(&cursor) || value == 0)
        return fallback;
    return value < max ? (uint32_t)value : max;
}

/* One visible word without a line break. */
static bool is_word(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return len != 0;
}

static void set_base_url(struct pando_credentials_fetch *fetch, struct pando_metadata_service *service)
{
    const char *given = pando_environment_get(fetch->environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = pando_environment_get(fetch->environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    const char *base = mode != NULL && strcasecmp(mode, "ipv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    snprintf(service->base_url, sizeof service->base_url, "%s", given != NULL ? given : base);
    size_t len = strlen(service->base_url);
    while (len > 0 && service->base_url[len - 1] == '/')
        service->base_url[--len] = '\0';
}

static int exchange(struct pando_credentials_fetch *fetch, const struct pando_metadata_service *service, const char *method,
                    const char *path, struct pando_http_header header, struct pando_http_answer *answer, char *reason,
                    size_t reason_bytes)
{
    char url[1024];
    if (snprintf(url, sizeof url, "%s%s", service->base_url, path) >= (int)sizeof url)
        return PANDO_ERR_LIMIT;
    const struct pando_http_request request = {.method = method, .url = url, .headers = &header, .headers_count = 1,
                                               .connect_timeout_ms = service->timeout_ms, .total_timeout_ms = service->timeout_ms,
                                               .is_direct = true};
    for (uint32_t i = 0; i < service->tries; i++) {
        if (i != 0 && !pando_credentials_pause(fetch, PAUSE_MS))
            break;
        pando_http_send(fetch->http, &request, false, fetch->abort, answer, reason, reason_bytes);
        if (answer->outcome.failure == PANDO_TRY_ANSWERED && answer->outcome.status < 500)
            break;
    }
    return pando_credentials_answer_error(answer);
}

static int take_token(struct pando_credentials_fetch *fetch, struct pando_metadata_service *service)
{
    struct pando_http_answer answer = {.body = ""};
    char reason[160] = "";
    const struct pando_http_header header = {"X-aws-ec2-metadata-token-ttl-seconds", "21600"};
    int error = exchange(fetch, service, "PUT", "/latest/api/token", header, &answer, reason, sizeof reason);
    if (error == 0 && (answer.body_bytes >= sizeof service->token || !is_word(answer.body, answer.body_bytes)))
        error = PANDO_ERR_SYNTAX;
    if (error == 0)
        memcpy(service->token, answer.body, answer.body_bytes + 1);
    if (error == 0)
        return 0;
    /* No answer at all: no such machine, or a container one hop too far away. */
    return pando_credentials_fail(fetch, error == PANDO_ERR_NETWORK ? PANDO_ERR_NOT_FOUND : error,
                                  "the machine's metadata service gives no token: %s", reason);
}

int pando_metadata_service_open(struct pando_credentials_fetch *fetch, struct pando_metadata_service *service)
{
    const char *disabled = pando_environment_get(fetch->environment, "AWS_EC2_METADATA_DISABLED");
    if (disabled != NULL && strcasecmp(disabled, "true") == 0)
        return PANDO_ERR_NOT_FOUND;
    *service = (struct pando_metadata_service){
        .timeout_ms = 1000 * number(fetch->environment, "AWS_METADATA_SERVICE_TIMEOUT", TIMEOUT_MAX_S, TIMEOUT_S),
        .tries = number(fetch->environment, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", TRIES_MAX, TRIES)};
    set_base_url(fetch, service);
    return take_token(fetch, service);
}

int pando_metadata_service_get(struct pando_credentials_fetch *fetch, struct pando_metadata_service *service, const char *path,
                               const char **ret_body, size_t *ret_body_bytes)
{
    struct pando_http_answer answer = {.body = ""};
    char reason[160] = "";
    int error = 0;
    for (int i = 0; i < 2; i++) {
        const struct pando_http_header header = {"X-aws-ec2-metadata-token", service->token};
        error = exchange(fetch, service, "GET", path, header, &answer, reason, sizeof reason);
        bool is_stale = error == PANDO_ERR_REFUSED && answer.outcome.status == 401;
        if (!is_stale || i == 1 || (error = take_token(fetch, service)) != 0)
            break;
    }
    if (error != 0)
        return pando_credentials_fail(fetch, error, "the machine's metadata service fails: %s", reason);
    *ret_body = answer.body;
    *ret_body_bytes = answer.body_bytes;
    return 0;
}

int pando_metadata_service_word(struct pando_credentials_fetch *fetch, struct pando_metadata_service *service, const char *path,
                                char *word, size_t word_bytes)
{
    const char *body;
    size_t len;
    int error = pando_metadata_service_get(fetch, service, path, &body, &len);
    if (error != 0)
        return error;
    const char *line_end = memchr(body, '\n', len);
    len = line_end != NULL ? (size_t)(line_end - body) : len;
    if (len >= word_bytes || !is_word(body, len))
        return pando_credentials_fail(fetch, PANDO_ERR_SYNTAX, "the machine's metadata service answers strangely");
    memcpy(word, body, len);
    word[len] = '\0';
    return 0;
}

int pando_credentials_from_metadata(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials)
{
    struct pando_metadata_service service;
    char role[128], path[sizeof role_path + sizeof role];
    const char *body = "";
    size_t body_bytes = 0;
    int error = pando_metadata_service_open(fetch, &service);
    if (error == 0)
        error = pando_metadata_service_word(fetch, &service, role_path, role, sizeof role);
    if (error == 0) {
        snprintf(path, sizeof path, "%s%s", role_path, role);
        error = pando_metadata_service_get(fetch, &service, path, &body, &body_bytes);
    }
    if (error == 0)
        error = pando_credentials_read_reply(fetch, body, body_bytes, credentials);
    credentials->source = "the machine's metadata service";
    explicit_bzero(&service, sizeof service);
    return error;
}
