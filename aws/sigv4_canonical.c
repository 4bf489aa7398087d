/* Why: aws/sigv4.h: the one form that both sides bring a request into, byte by byte, before they hash it.
 * Context: worker and own processes. Bounded: counts by the header's limits, bytes by the buffers'. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/sigv4_private.h"
#include "base/error.h"

struct slice {
    const char *at;
    size_t len;
};

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
           c == '~';
}

static void append_encoded(struct pando_buffer *to, char c, bool keeps_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    if (is_unreserved(c) || (keeps_slash && c == '/')) {
        pando_buffer_append_char(to, c);
        return;
    }
    char encoded[3] = {'%', digits[(unsigned char)c >> 4], digits[(unsigned char)c & 15]};
    pando_buffer_append(to, encoded, sizeof encoded);
}

/* Where the part before the last slash ends; *len stays 0 at the root. */
static void drop_last_segment(const char *path, size_t *len)
{
    while (*len > 0 && path[*len - 1] != '/')
        (*len)--;
    if (*len > 0)
        (*len)--;
}

/* Dot segments and empty ones go; a slash at the end stays, but a dot at the end leaves none (RFC 3986 would: AWS's clients do
 * not). */
static int normalise(const char *path, struct pando_buffer *to)
{
    char *made = malloc(strlen(path) + 2);
    if (made == NULL)
        return PANDO_ERR_NO_MEMORY;
    size_t len = 0;
    bool ends_in_slash = false;
    for (const char *at = path; *at != '\0';) {
        at += *at == '/';
        size_t part = strcspn(at, "/");
        bool is_dot = part == 1 && at[0] == '.', is_dots = part == 2 && at[0] == '.' && at[1] == '.';
        if (is_dots) {
            drop_last_segment(made, &len);
        } else if (!is_dot && part != 0) {
            made[len++] = '/';
            memcpy(made + len, at, part);
            len += part;
        }
        ends_in_slash = part == 0;
        at += part;
    }
    if (len == 0 || ends_in_slash)
        made[len++] = '/';
    for (size_t i = 0; i < len; i++)
        append_encoded(to, made[i], true);
    free(made);
    return 0;
}

static int append_path(const struct pando_sigv4_request *request, struct pando_buffer *to)
{
    const char *path = request->path != NULL && request->path[0] != '\0' ? request->path : "/";
    if (strlen(path) > PANDO_SIGV4_CANONICAL_MAX_BYTES)
        return PANDO_ERR_LIMIT;
    if (!request->keeps_path)
        return normalise(path, to);
    for (; *path != '\0'; path++)
        append_encoded(to, *path, true);
    return 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decoded, then encoded again: so that %3a, %3A and a bare colon are one. */
static void append_recoded(struct pando_buffer *to, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%' && i + 2 < text.len && hex_value(text.at[i + 1]) >= 0 && hex_value(text.at[i + 2]) >= 0) {
            c = (char)(hex_value(text.at[i + 1]) * 16 + hex_value(text.at[i + 2]));
            i += 2;
        }
        append_encoded(to, c, false);
    }
}

static int compare_slices(struct slice a, struct slice b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

struct parameter {
    struct slice name, value; /* in the scratch */
};

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *left = a, *right = b;
    int order = compare_slices(left->name, right->name);
    return order != 0 ? order : compare_slices(left->value, right->value);
}

/* Parameters encoded into the scratch, as offsets first, since the scratch moves while it grows. */
static int read_query(const char *query, struct pando_buffer *scratch, struct parameter *parameters, size_t *ret_count)
{
    size_t count = 0, bounds[PANDO_SIGV4_QUERY_MAX][4];
    while (*query != '\0') {
        size_t len = strcspn(query, "&"), name = 0;
        while (name < len && query[name] != '=')
            name++;
        if (len != 0) {
            if (count == PANDO_SIGV4_QUERY_MAX)
                return PANDO_ERR_LIMIT;
            bounds[count][0] = scratch->len_bytes;
            append_recoded(scratch, (struct slice){query, name});
            bounds[count][1] = bounds[count][2] = scratch->len_bytes;
            if (name < len)
                append_recoded(scratch, (struct slice){query + name + 1, len - name - 1});
            bounds[count++][3] = scratch->len_bytes;
        }
        query += len;
        query += *query == '&';
    }
    const char *bytes = scratch->bytes != NULL ? scratch->bytes : "";
    for (size_t i = 0; i < count && scratch->failed == 0; i++)
        parameters[i] = (struct parameter){{bytes + bounds[i][0], bounds[i][1] - bounds[i][0]},
                                           {bytes + bounds[i][2], bounds[i][3] - bounds[i][2]}};
    *ret_count = count;
    return scratch->failed;
}

static int append_query(const char *query, struct pando_buffer *to)
{
    struct parameter parameters[PANDO_SIGV4_QUERY_MAX];
    struct pando_buffer scratch;
    pando_buffer_init(&scratch, PANDO_SIGV4_CANONICAL_MAX_BYTES);
    size_t count = 0;
    int error = read_query(query != NULL ? query : "", &scratch, parameters, &count);
    if (error == 0 && count != 0)
        qsort(parameters, count, sizeof parameters[0], compare_parameters);
    for (size_t i = 0; i < count && error == 0; i++) {
        if (i != 0)
            pando_buffer_append_char(to, '&');
        pando_buffer_append(to, parameters[i].name.at, parameters[i].name.len);
        pando_buffer_append_char(to, '=');
        pando_buffer_append(to, parameters[i].value.at, parameters[i].value.len);
    }
    pando_buffer_release(&scratch);
    return error;
}

/* What a proxy or the transport may add, change or take away is not signed (aws-c-auth has the same list). */
static bool is_passed_over(const char *name)
{
    static const char *const names[] = {"authorization", "connection", "expect", "sec-websocket-key", "sec-websocket-protocol",
                                        "sec-websocket-version", "transfer-encoding", "upgrade", "user-agent",
                                        "x-amzn-trace-id"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static int compare_headers(const void *a, const void *b)
{
    const struct pando_sigv4_named *left = a, *right = b;
    int order = strcasecmp(left->header->name, right->header->name);
    return order != 0 ? order : (left->number > right->number) - (left->number < right->number);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Trimmed; runs of blanks inside become one. */
static void append_value(struct pando_buffer *to, const char *value)
{
    bool pending = false, any = false;
    for (; *value != '\0'; value++) {
        if (is_space(*value)) {
            pending = any;
            continue;
        }
        if (pending)
            pando_buffer_append_char(to, ' ');
        pando_buffer_append_char(to, *value);
        pending = false;
        any = true;
    }
}

static void append_lower(struct pando_buffer *to, const char *name)
{
    for (; *name != '\0'; name++)
        pando_buffer_append_char(to, *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name);
}

static int choose_headers(const struct pando_sigv4_request *request, const struct pando_sigv4_header *own, size_t own_count,
                          struct pando_sigv4_named *ret_list, size_t *ret_count)
{
    size_t count = 0;
    bool has_host = false;
    if (request->headers_count > PANDO_SIGV4_HEADERS_MAX)
        return PANDO_ERR_LIMIT;
    for (size_t i = 0; i < request->headers_count; i++) {
        const char *name = request->headers[i].name;
        if (name[0] == '\0' || strpbrk(name, " :\t\r\n") != NULL || strcasecmp(name, "x-amz-date") == 0 ||
            (own_count > 1 && strcasecmp(name, "x-amz-security-token") == 0))
            return PANDO_ERR_INVALID;
        has_host |= strcasecmp(name, "host") == 0;
        if (!is_passed_over(name)) {
            ret_list[count] = (struct pando_sigv4_named){&request->headers[i], count};
            count++;
        }
    }
    for (size_t i = 0; i < own_count; i++, count++)
        ret_list[count] = (struct pando_sigv4_named){&own[i], count};
    *ret_count = count;
    return has_host ? 0 : PANDO_ERR_INVALID;
}

static void append_headers(struct pando_buffer *canonical, struct pando_buffer *signed_headers,
                           const struct pando_sigv4_named *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct pando_sigv4_header *header = list[i].header;
        bool is_more = i != 0 && strcasecmp(header->name, list[i - 1].header->name) == 0;
        if (is_more) {
            pando_buffer_append_char(canonical, ',');
        } else {
            pando_buffer_append_text(canonical, i != 0 ? "\n" : "");
            append_lower(canonical, header->name);
            pando_buffer_append_char(canonical, ':');
            pando_buffer_append_text(signed_headers, i != 0 ? ";" : "");
            append_lower(signed_headers, header->name);
        }
        append_value(canonical, header->value);
    }
}

int pando_sigv4_write_canonical(const struct pando_sigv4_request *request, struct pando_sigv4_named *list, size_t count,
                                const char *payload_hash, struct pando_buffer *canonical, struct pando_buffer *signed_headers)
{
    qsort(list, count, sizeof list[0], compare_headers);
    pando_buffer_append_text(canonical, request->method);
    pando_buffer_append_char(canonical, '\n');
    int error = append_path(request, canonical);
    pando_buffer_append_char(canonical, '\n');
    if (error == 0)
        error = append_query(request->query, canonical);
    pando_buffer_append_char(canonical, '\n');
    append_headers(canonical, signed_headers, list, count);
    if (error == 0)
        error = signed_headers->failed;
    if (error == 0)
        error = pando_buffer_append_format(canonical, "\n\n%s\n%s", signed_headers->bytes, payload_hash);
    return error;
}

int pando_sigv4_canonical(const struct pando_sigv4_request *request, const char *amz_date, const char *session_token,
                          struct pando_buffer *canonical, struct pando_buffer *signed_headers)
{
    const struct pando_sigv4_header own[] = {{"x-amz-date", amz_date}, {"x-amz-security-token", session_token}};
    struct pando_sigv4_named list[PANDO_SIGV4_HEADERS_MAX + 2];
    size_t count = 0;
    bool has_token = session_token != NULL && session_token[0] != '\0';
    char hash[PANDO_SIGV4_HEX_SIZE];
    int error = choose_headers(request, own, has_token ? 2 : 1, list, &count);
    if (error == 0)
        error = pando_sigv4_sha256(request->body, request->body_bytes, hash);
    return error == 0 ? pando_sigv4_write_canonical(request, list, count, hash, canonical, signed_headers) : error;
}
