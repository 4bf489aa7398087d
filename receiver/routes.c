/* Why: receiver/routes.h. Context: own process. The operations are those of the service model of 2019-07-18. */
#include "receiver/routes.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define OFFERED(method, pattern, serve, body) {method, pattern, serve, body, PANDO_ACCESS_SERVICE, NULL, NULL, 0}
#define PAGE(method, pattern, serve, body) {method, pattern, serve, body, PANDO_ACCESS_PAGE, NULL, NULL, 0}
#define OPEN(method, pattern, serve, body) {method, pattern, serve, body, PANDO_ACCESS_OPEN, NULL, NULL, 0}
#define NOT_OFFERED(method, pattern, operation, why) \
    {method, pattern, pando_serve_not_offered, PANDO_BODY_NONE, PANDO_ACCESS_SERVICE, operation, why, 400}
/* Its model has no ValidationException. */
#define NOT_OFFERED_404(method, pattern, operation, why) \
    {method, pattern, pando_serve_not_offered, PANDO_BODY_NONE, PANDO_ACCESS_SERVICE, operation, why, 404}

static const char NO_POLICIES[] = "it has no policies; whoever has one of its keys may call all that it offers";
static const char NO_NOTES[] = "it sends no notifications";
static const char NO_ADVICE[] = "it gives no advice; its page, and GetProfile, show where time goes";
static const char NO_METRICS[] = "it keeps no metrics of frames; GetProfile has what each frame weighs";

static const struct pando_route routes[] = {
    PAGE("GET", "/", pando_serve_page, PANDO_BODY_NONE),
    OPEN("GET", "/web/{rest}", pando_serve_page, PANDO_BODY_NONE),
    OPEN("GET", "/speedscope/{rest}", pando_serve_speedscope, PANDO_BODY_NONE),
    OPEN("POST", "/api/v1/login", pando_serve_login, PANDO_BODY_SMALL),
    PAGE("GET", "/api/v1/groups", pando_serve_groups, PANDO_BODY_NONE),
    PAGE("GET", "/api/v1/groups/{group}/tree", pando_serve_tree, PANDO_BODY_NONE),
    PAGE("GET", "/api/v1/groups/{group}/timeline", pando_serve_timeline, PANDO_BODY_NONE),
    PAGE("GET", "/api/v1/groups/{group}/sources", pando_serve_sources, PANDO_BODY_NONE),
    PAGE("GET", "/api/v1/groups/{group}/profile", pando_serve_download, PANDO_BODY_NONE),
    PAGE("POST", "/api/v1/groups/{group}/profile", pando_serve_shown, PANDO_BODY_TREES),
    PAGE("GET", "/api/v1/groups/{group}/source", pando_serve_source, PANDO_BODY_NONE),
    OFFERED("POST", "/profilingGroups/{group}/agentProfile", pando_serve_post_agent_profile, PANDO_BODY_PROFILE),
    OFFERED("POST", "/profilingGroups/{group}/configureAgent", pando_serve_configure_agent, PANDO_BODY_SMALL),
    OFFERED("POST", "/profilingGroups", pando_serve_create_group, PANDO_BODY_SMALL),
    OFFERED("GET", "/profilingGroups", pando_serve_list_groups, PANDO_BODY_NONE),
    OFFERED("GET", "/profilingGroups/{group}", pando_serve_describe_group, PANDO_BODY_NONE),
    OFFERED("PUT", "/profilingGroups/{group}", pando_serve_update_group, PANDO_BODY_SMALL),
    OFFERED("DELETE", "/profilingGroups/{group}", pando_serve_delete_group, PANDO_BODY_NONE),
    OFFERED("GET", "/profilingGroups/{group}/profile", pando_serve_get_profile, PANDO_BODY_NONE),
    OFFERED("GET", "/profilingGroups/{group}/profileTimes", pando_serve_profile_times, PANDO_BODY_NONE),
    OFFERED("GET", "/tags/{rest}", pando_serve_list_tags, PANDO_BODY_NONE),
    OFFERED("POST", "/tags/{rest}", pando_serve_tag, PANDO_BODY_SMALL),
    OFFERED("DELETE", "/tags/{rest}", pando_serve_untag, PANDO_BODY_NONE),
    NOT_OFFERED("POST", "/profilingGroups/{group}/frames/-/metrics", "BatchGetFrameMetricData", NO_METRICS),
    NOT_OFFERED_404("GET", "/profilingGroups/{group}/policy", "GetPolicy", NO_POLICIES),
    NOT_OFFERED("PUT", "/profilingGroups/{group}/policy/{any}", "PutPermission", NO_POLICIES),
    NOT_OFFERED("DELETE", "/profilingGroups/{group}/policy/{any}", "RemovePermission", NO_POLICIES),
    NOT_OFFERED("POST", "/profilingGroups/{group}/notificationConfiguration", "AddNotificationChannels", NO_NOTES),
    NOT_OFFERED("GET", "/profilingGroups/{group}/notificationConfiguration", "GetNotificationConfiguration", NO_NOTES),
    NOT_OFFERED("DELETE", "/profilingGroups/{group}/notificationConfiguration/{any}", "RemoveNotificationChannel", NO_NOTES),
    NOT_OFFERED("GET", "/internal/findingsReports", "GetFindingsReportAccountSummary", NO_ADVICE),
    NOT_OFFERED("GET", "/internal/profilingGroups/{group}/findingsReports", "ListFindingsReports", NO_ADVICE),
    NOT_OFFERED("GET", "/internal/profilingGroups/{group}/recommendations", "GetRecommendations", NO_ADVICE),
    NOT_OFFERED("POST", "/internal/profilingGroups/{group}/anomalies/{any}/feedback", "SubmitFeedback", NO_ADVICE),
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

/* A slice of the path. */
struct segment {
    const char *at;
    size_t len;
};

static bool is_placeholder(const char *pattern, const char *name)
{
    return strncmp(pattern, name, strlen(name)) == 0;
}

static bool matches(const char *pattern, const char *path, struct segment *ret_group, const char **ret_rest)
{
    while (*pattern != '\0') {
        if (is_placeholder(pattern, "{rest}")) {
            *ret_rest = path;
            return *path != '\0';
        }
        if (is_placeholder(pattern, "{group}") || is_placeholder(pattern, "{any}")) {
            struct segment segment = {.at = path, .len = strcspn(path, "/")};
            if (is_placeholder(pattern, "{group}"))
                *ret_group = segment;
            path += segment.len;
            pattern += strcspn(pattern, "}") + 1;
            continue;
        }
        if (*pattern++ != *path++)
            return false;
    }
    return *path == '\0';
}

bool pando_is_name(const char *text, size_t max)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return len >= 1 && len <= max && text[len] == '\0';
}

/* What is too long to be a name becomes one that is none either. */
static void keep_group(struct pando_request *request, struct segment group)
{
    if (group.at != NULL && group.len < sizeof request->group)
        memcpy(request->group, group.at, group.len);
}

int pando_route_check_group(struct pando_request *request)
{
    if (strstr(request->route->pattern, "{group}") == NULL || pando_is_name(request->group, sizeof request->group - 1))
        return 0;
    return pando_request_refuse(request, 400, PANDO_VALIDATION,
                                "The profiling group's name must be 1 to 255 letters, digits, '_' or '-'.");
}

/* The methods of a path, for the Allow header: the patterns with several are few. */
static const char *allowed_methods(const char *path)
{
    struct segment group;
    const char *rest;
    bool has_get = false, has_post = false, has_put = false, has_delete = false;
    for (size_t i = 0; i < ROUTES; i++) {
        if (!matches(routes[i].pattern, path, &group, &rest))
            continue;
        has_get |= strcmp(routes[i].method, "GET") == 0;
        has_post |= strcmp(routes[i].method, "POST") == 0;
        has_put |= strcmp(routes[i].method, "PUT") == 0;
        has_delete |= strcmp(routes[i].method, "DELETE") == 0;
    }
    static const char *const names[] = {
        NULL, "GET, HEAD", "POST", "GET, HEAD, POST", "PUT", "GET, HEAD, PUT", "POST, PUT", "GET, HEAD, POST, PUT",
        "DELETE", "GET, HEAD, DELETE", "POST, DELETE", "GET, HEAD, POST, DELETE", "PUT, DELETE", "GET, HEAD, PUT, DELETE",
        "POST, PUT, DELETE", "GET, HEAD, POST, PUT, DELETE"};
    return names[has_get + 2 * has_post + 4 * has_put + 8 * has_delete];
}

int pando_route_find(struct pando_request *request, const char *path)
{
    const char *method = request->method;
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (size_t i = 0; i < ROUTES; i++) {
        struct segment group = {0};
        const char *rest = NULL;
        if (strcmp(routes[i].method, wanted) != 0 || !matches(routes[i].pattern, path, &group, &rest))
            continue;
        request->route = &routes[i];
        request->rest = rest;
        keep_group(request, group);
        return 0;
    }
    const char *allow = allowed_methods(path);
    if (allow == NULL)
        return pando_request_refuse(request, 404, PANDO_NOT_FOUND, "There is nothing at this path.");
    request->answer.allow = allow;
    return pando_request_refuse(request, 405, PANDO_VALIDATION, "This path takes %s only.", allow);
}
