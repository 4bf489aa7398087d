/* Why: cli/http_auth.h. Context: own process. */
#include "cli/http_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sigv4.h"
#include "base/clock.h"

enum { HEADER_BYTES = PANDO_SIGV4_AUTHORIZATION_BYTES + 64, TOKEN_BYTES = 1024 };

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

static bool add(struct curl_slist **list, const char *name, const char *value)
{
    char header[HEADER_BYTES];
    int len = snprintf(header, sizeof header, "%s: %s", name, value);
    struct curl_slist *longer = NULL;
    if (len > 0 && (size_t)len < sizeof header && strpbrk(header, "\r\n") == NULL)
        longer = curl_slist_append(*list, header);
    explicit_bzero(header, sizeof header);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

/* What PANDO_TOKEN_FILE names: the first line. Without one there is no token, and the receiver will say so. */
static void read_token(char token[TOKEN_BYTES])
{
    FILE *file = fopen(getenv("PANDO_TOKEN_FILE"), "re");
    if (file == NULL || fgets(token, TOKEN_BYTES, file) == NULL)
        token[0] = '\0';
    token[strcspn(token, " \t\r\n")] = '\0';
    if (file != NULL)
        fclose(file);
}

bool pando_http_auth_token(struct curl_slist **list)
{
    char value[HEADER_BYTES - 32], token[TOKEN_BYTES] = "";
    if (is_set("PANDO_TOKEN"))
        snprintf(token, sizeof token, "%s", getenv("PANDO_TOKEN"));
    else if (is_set("PANDO_TOKEN_FILE"))
        read_token(token);
    if (token[0] == '\0')
        return true;
    snprintf(value, sizeof value, "Bearer %s", token);
    bool good = add(list, "Authorization", value);
    explicit_bzero(value, sizeof value);
    explicit_bzero(token, sizeof token);
    return good;
}

bool pando_http_auth_can_sign(void)
{
    return !is_set("PANDO_TOKEN") && !is_set("PANDO_TOKEN_FILE") && is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY");
}

static bool sign(const char *authority, const char *path, const char *query, struct curl_slist **list)
{
    const struct pando_sigv4_header host = {"Host", authority};
    const struct pando_sigv4_request request = {.method = "GET", .path = path, .query = query, .headers = &host, .headers_count = 1};
    const struct pando_sigv4_key key = {
        .access_key_id = getenv("AWS_ACCESS_KEY_ID"), .secret = getenv("AWS_SECRET_ACCESS_KEY"),
        .region = is_set("AWS_REGION") ? getenv("AWS_REGION") : "us-east-1", .service = "codeguru-profiler"};
    struct pando_sigv4_signature signature;
    return pando_sigv4_sign(&request, &key, (int64_t)(pando_clock_wall_ns() / 1000000000), &signature) == 0 &&
           add(list, "Host", authority) && add(list, "X-Amz-Date", signature.amz_date) &&
           add(list, "Authorization", signature.authorization);
}

bool pando_http_auth_sign(const char *url, struct curl_slist **list)
{
    const char *authority = strstr(url, "://");
    if (authority == NULL)
        return false;
    authority += 3;
    char *host = strndup(authority, strcspn(authority, "/?")), *path = strdup(authority + strcspn(authority, "/?"));
    bool good = host != NULL && path != NULL;
    if (good) {
        char *query = strchr(path, '?');
        if (query != NULL)
            *query++ = '\0';
        good = sign(host, path, query, list);
    }
    free(host);
    free(path);
    return good;
}

void pando_http_auth_release(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at != NULL; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(list);
}
