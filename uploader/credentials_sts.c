/* Why: STS gives credentials for a role to who has others already, or a token of an identity provider (a pod's service account).
 * Context: the upload thread. Its answer is XML, of which four elements matter. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/environment.h"
#include "base/error.h"
#include "uploader/aws_request.h"
#include "aws/aws_time.h"
#include "uploader/credentials_source.h"
#include "uploader/small_file.h"

enum { TRIES = 3, PAUSE_MS = 1000, TIMEOUT_MS = 5000, CONNECT_MS = 2000, BODY_MAX_BYTES = 64 * 1024, TOKEN_MAX_BYTES = 20 * 1024 };

struct endpoint {
    char url[512], region[64];
    const char *authority;
    const char *prefix;
    char authority_text[256];
};

static const char *given_endpoint(const char *environment)
{
    const char *ignored = pando_environment_get(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if (ignored != NULL && strcasecmp(ignored, "true") == 0)
        return NULL;
    const char *own = pando_environment_get(environment, "AWS_ENDPOINT_URL_STS");
    return own != NULL ? own : pando_environment_get(environment, "AWS_ENDPOINT_URL");
}

/* The region's own; without a region the old global one, which signs as us-east-1. Over http a token would be anybody's. */
static int choose_endpoint(struct pando_credentials_fetch *fetch, struct endpoint *endpoint)
{
    const char *given = given_endpoint(fetch->environment), *region = fetch->region;
    snprintf(endpoint->region, sizeof endpoint->region, "%s", region[0] != '\0' ? region : "us-east-1");
    if (given != NULL)
        snprintf(endpoint->url, sizeof endpoint->url, "%s", given);
    else if (region[0] == '\0')
        snprintf(endpoint->url, sizeof endpoint->url, "https://sts.amazonaws.com");
    else
        snprintf(endpoint->url, sizeof endpoint->url, "https://sts.%s.amazonaws.com%s", region,
                 strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    size_t len = strlen(endpoint->url);
    while (len > 0 && endpoint->url[len - 1] == '/')
        endpoint->url[--len] = '\0';
    const char *authority = strstr(endpoint->url, "://");
    if (authority == NULL || strchr(endpoint->url, '@') != NULL)
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "the endpoint given for STS is no URL");
    authority += 3;
    size_t authority_bytes = strcspn(authority, "/");
    if (authority_bytes >= sizeof endpoint->authority_text)
        return pando_credentials_fail(fetch, PANDO_ERR_LIMIT, "the endpoint given for STS is too long");
    memcpy(endpoint->authority_text, authority, authority_bytes);
    endpoint->authority_text[authority_bytes] = '\0';
    endpoint->authority = endpoint->authority_text;
    endpoint->prefix = authority + authority_bytes;
    char host[sizeof endpoint->authority_text];
    snprintf(host, sizeof host, "%s", endpoint->authority_text);
    char *port = host[0] == '[' ? strstr(host, "]:") : strchr(host, ':');
    if (port != NULL)
        port[host[0] == '['] = '\0';
    bool is_safe = strncasecmp(endpoint->url, "https://", 8) == 0 ||
                   (strncasecmp(endpoint->url, "http://", 7) == 0 && pando_http_is_loopback(host));
    return is_safe ? 0 : pando_credentials_fail(fetch, PANDO_ERR_INVALID, "STS is asked over https only");
}

static void append_parameter(struct pando_buffer *body, const char *name, const char *value)
{
    static const char digits[] = "0123456789ABCDEF";
    pando_buffer_append_format(body, "&%s=", name);
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-_.~", c) != NULL;
        char encoded[3] = {'%', digits[c >> 4], digits[c & 15]};
        pando_buffer_append(body, is_plain ? value : encoded, is_plain ? 1 : sizeof encoded);
    }
}

static int append_token(struct pando_credentials_fetch *fetch, const char *path, struct pando_buffer *body)
{
    size_t len;
    int error = pando_small_file_read(path, fetch->file, TOKEN_MAX_BYTES, &len);
    if (error != 0)
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "the web identity's token file cannot be read: %s",
                                      pando_error_text(error));
    while (len > 0 && strchr(" \t\r\n", fetch->file[len - 1]) != NULL)
        fetch->file[--len] = '\0';
    append_parameter(body, "WebIdentityToken", fetch->file);
    explicit_bzero(fetch->file, len);
    return 0;
}

/* The text of the element, when it is plain. */
static bool take(const char *xml, const char *name, char *to, size_t to_bytes)
{
    char open[64], close[64];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    const char *start = strstr(xml, open), *end = start != NULL ? strstr(start, close) : NULL;
    if (end == NULL)
        return false;
    start += strlen(open);
    while (start < end && strchr(" \t\r\n", *start) != NULL)
        start++;
    while (end > start && strchr(" \t\r\n", end[-1]) != NULL)
        end--;
    size_t len = (size_t)(end - start);
    for (size_t i = 0; i < len; i++) {
        if (start[i] <= ' ' || start[i] > '~' || start[i] == '<' || start[i] == '&')
            return false;
    }
    if (len == 0 || len >= to_bytes)
        return false;
    memcpy(to, start, len);
    to[len] = '\0';
    return true;
}

int pando_sts_read_answer(struct pando_credentials_fetch *fetch, const char *xml, struct pando_credentials *credentials)
{
    char expires[64];
    const char *part = strstr(xml, "<Credentials>");
    if (part == NULL || !take(part, "AccessKeyId", credentials->access_key_id, sizeof credentials->access_key_id) ||
        !take(part, "SecretAccessKey", credentials->secret, sizeof credentials->secret) ||
        !take(part, "SessionToken", credentials->session_token, sizeof credentials->session_token) ||
        !take(part, "Expiration", expires, sizeof expires) || pando_aws_time_parse(expires, &credentials->expires_wall_s) != 0)
        return pando_credentials_fail(fetch, PANDO_ERR_SYNTAX, "the answer of STS has no credentials that can be read");
    credentials->source = "STS";
    return 0;
}

static int ask(struct pando_credentials_fetch *fetch, const struct pando_buffer *body, const struct pando_credentials *base,
               struct pando_credentials *credentials)
{
    struct endpoint endpoint;
    int error = choose_endpoint(fetch, &endpoint);
    if (error != 0)
        return error;
    const struct pando_aws_request request = {.method = "POST", .base_url = endpoint.url, .authority = endpoint.authority,
                                              .prefix = endpoint.prefix, .path = "/", .query = "",
                                              .content_type = "application/x-www-form-urlencoded; charset=utf-8",
                                              .body = body->bytes, .body_bytes = body->len_bytes,
                                              .connect_timeout_ms = CONNECT_MS, .total_timeout_ms = TIMEOUT_MS};
    struct pando_sigv4_key key = {.region = endpoint.region, .service = "sts"};
    if (base != NULL) {
        key.access_key_id = base->access_key_id;
        key.secret = base->secret;
        key.session_token = base->session_token;
    }
    for (int i = 0; i < TRIES; i++) {
        struct pando_http_answer answer;
        char reason[200];
        if (i != 0 && !pando_credentials_pause(fetch, PAUSE_MS))
            break;
        pando_aws_request_send(fetch->http, &request, base != NULL ? &key : NULL, fetch->wall_s, fetch->abort, &answer, reason,
                               sizeof reason);
        error = pando_credentials_answer_error(&answer);
        if (error == 0)
            return pando_sts_read_answer(fetch, answer.body, credentials);
        pando_credentials_fail(fetch, error, "STS does not give the role: %s", reason);
        bool is_worth_another = error == PANDO_ERR_NETWORK || answer.outcome.status >= 500 || answer.outcome.status == 429 ||
                                strcmp(answer.error_type, "IDPCommunicationError") == 0 ||
                                strcmp(answer.error_type, "InvalidIdentityToken") == 0;
        if (!is_worth_another)
            break;
    }
    return error;
}

int pando_sts_assume_role(struct pando_credentials_fetch *fetch, const struct pando_sts_role *role,
                          const struct pando_credentials *base, struct pando_credentials *credentials)
{
    char made_name[64];
    struct pando_buffer body;
    snprintf(made_name, sizeof made_name, "pando-%ld-%lld", (long)getpid(), (long long)fetch->wall_s);
    pando_buffer_init(&body, BODY_MAX_BYTES);
    /* In one piece: a buffer that moved would leave parts of the token behind. */
    for (size_t i = 0; i + 1 < BODY_MAX_BYTES; i++)
        pando_buffer_append_char(&body, ' ');
    pando_buffer_clear(&body);
    pando_buffer_append_format(&body, "Action=%s&Version=2011-06-15", base != NULL ? "AssumeRole" : "AssumeRoleWithWebIdentity");
    append_parameter(&body, "RoleArn", role->arn);
    append_parameter(&body, "RoleSessionName", role->session_name[0] != '\0' ? role->session_name : made_name);
    if (role->external_id[0] != '\0')
        append_parameter(&body, "ExternalId", role->external_id);
    int error = base == NULL ? append_token(fetch, role->token_file, &body) : 0;
    if (error == 0 && body.failed != 0)
        error = pando_credentials_fail(fetch, body.failed, "the request to STS cannot be made: %s", pando_error_text(body.failed));
    if (error == 0)
        error = ask(fetch, &body, base, credentials);
    if (body.bytes != NULL)
        explicit_bzero(body.bytes, body.len_bytes);
    pando_buffer_release(&body);
    return error;
}

int pando_credentials_from_web_identity(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials)
{
    const char *path = pando_environment_get(fetch->environment, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *arn = pando_environment_get(fetch->environment, "AWS_ROLE_ARN");
    const char *name = pando_environment_get(fetch->environment, "AWS_ROLE_SESSION_NAME");
    if (path == NULL)
        return PANDO_ERR_NOT_FOUND;
    if (arn == NULL)
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not");
    const struct pando_sts_role role = {.arn = arn, .session_name = name != NULL ? name : "", .external_id = "", .token_file = path};
    return pando_sts_assume_role(fetch, &role, NULL, credentials);
}
