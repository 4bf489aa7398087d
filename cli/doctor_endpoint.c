/* Why: cli/doctor.h: where profiles would go, whether a receiver answers there, and as whom Amazon would be asked.
 * Context: own process; one GET, as the agent would ask: with its token, proxy and certificates. For AWS the environment is read
 * here, and the service is asked in doctor_service.c. Secrets go into the request's headers only. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/environment.h"
#include "cli/doctor.h"
#include "cli/http_get.h"

enum { URL_BYTES = 2048, ANSWER_BYTES_MAX = 4 << 20, MESSAGE_BYTES = 4096, KEY_SHOWN = 4, TIMEOUT_S = 10 };

static bool is_word(const char *environment, const char *name, const char *word)
{
    const char *value = pando_environment_get(environment, name);
    return value != NULL && strcasecmp(value, word) == 0;
}

/* The request is made by this process, so what it depends on has to be as it is there. */
static void take_over(const char *environment)
{
    static const char *const names[] = {"PANDO_TOKEN", "PANDO_TOKEN_FILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION",
                                        "AWS_CA_BUNDLE", "SSL_CERT_FILE", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY", "no_proxy", "NO_PROXY"};
    bool signs = is_word(environment, "PANDO_SIGN", "true");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = strncmp(names[i], "AWS_", 4) == 0 && strcmp(names[i], "AWS_CA_BUNDLE") != 0 && !signs
                                ? NULL : pando_environment_get(environment, names[i]);
        if (value != NULL)
            setenv(names[i], value, 1);
        else
            unsetenv(names[i]);
    }
}

static const char *advice_for(const char *reason)
{
    static const struct rule {
        const char *part, *advice;
    } rules[] = {
        {"resolve host", "its name is not known here (DNS): look at the spelling, /etc/hosts and the resolver"},
        {"resolve proxy", "the proxy's name is not known here (DNS): look at https_proxy and its like"},
        {"wrong version number", "it speaks no TLS: try http://"},
        {"SSL_ERROR_SYSCALL", "it speaks no TLS, or ended the connection: try http://"}, /* the other end was quicker than its answer */
        {"SSL_connect: Connection reset", "it speaks no TLS, or ended the connection: try http://"},
        {"certificate", "its certificate is not trusted: set SSL_CERT_FILE or AWS_CA_BUNDLE to the file of its authority"},
        {"SSL", "TLS failed: look at its certificate and name"},
        {"timed out", "nothing came back: look at the address, and at firewalls on the way"},
        {"Timeout", "nothing came back: look at the address, and at firewalls on the way"},
        {"connect to", "nobody listens there: start a receiver (pando serve), or look at the port"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strstr(reason, rules[i].part) != NULL)
            return rules[i].advice;
    }
    return "look at the address";
}

static bool is_receiver(const struct pando_buffer *body)
{
    json_t *answer = json_loadb(body->bytes != NULL ? body->bytes : "", body->len_bytes, 0, NULL);
    bool has_groups = json_is_array(json_object_get(answer, "groups"));
    json_decref(answer);
    return has_groups;
}

static void say_answer(struct pando_doctor *doctor, const char *shown, int status, const struct pando_buffer *body, bool has_token)
{
    if (status == 200 && is_receiver(body))
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "endpoint", "a receiver answers at %s.", shown);
    else if ((status == 401 || status == 403) && has_token)
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "endpoint", "%s does not take this token (%d): look at PANDO_TOKEN or "
                         "PANDO_TOKEN_FILE.", shown, status);
    else if (status == 401 || status == 403)
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "endpoint", "%s asks who you are (%d): set PANDO_TOKEN_FILE or PANDO_TOKEN, or "
                         "PANDO_SIGN=true with an AWS access key that it knows.", shown, status);
    else if (status >= 500)
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "endpoint", "%s answers with an error of its own (%d): look at its log.", shown, status);
    else
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "endpoint", "something answers at %s (%d), but it is no receiver of Pando's: look at "
                         "the address.", shown, status);
}

static bool is_amazons(const char *url)
{
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    size_t len = strcspn(host, ":/?#");
    static const char *const ends[] = {".amazonaws.com", ".amazonaws.com.cn", ".api.aws"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t end = strlen(ends[i]);
        if (len > end && strncasecmp(host + len - end, ends[i], end) == 0)
            return true;
    }
    return false;
}

static void ask(struct pando_doctor *doctor, const char *environment, const char *url)
{
    char whole[URL_BYTES + 32], shown[URL_BYTES], message[MESSAGE_BYTES];
    struct pando_buffer body;
    size_t len = strlen(url);
    pando_doctor_mask_url(url, shown, sizeof shown);
    if (len >= URL_BYTES)
        return; /* the setting is a problem already */
    snprintf(whole, sizeof whole, "%.*s/api/v1/groups", (int)(len - (url[len - 1] == '/')), url);
    pando_buffer_init(&body, ANSWER_BYTES_MAX);
    take_over(environment);
    int status = pando_http_get_within(whole, TIMEOUT_S, &body, message, sizeof message);
    if (status >= 0) {
        say_answer(doctor, shown, status, &body,
                   pando_environment_get(environment, "PANDO_TOKEN") != NULL || pando_environment_get(environment, "PANDO_TOKEN_FILE") != NULL);
    } else {
        /* The message begins with the URL, which may hold a password. */
        const char *reason = strstr(message, "cannot be read: ");
        reason = reason != NULL ? reason + strlen("cannot be read: ") : "no whole answer came.";
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "endpoint", "no receiver answers at %s: %.*s; %s.", shown,
                         (int)(strlen(reason) - 1), reason, advice_for(reason));
    }
    pando_buffer_release(&body);
}

static bool has_shared_files(const char *environment, char *path, size_t path_bytes)
{
    static const char *const files[][2] = {{"AWS_SHARED_CREDENTIALS_FILE", "credentials"}, {"AWS_CONFIG_FILE", "config"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *named = pando_environment_get(environment, files[i][0]), *home = pando_environment_get(environment, "HOME");
        if (named != NULL)
            snprintf(path, path_bytes, "%s", named);
        else
            snprintf(path, path_bytes, "%s/.aws/%s", home != NULL ? home : "", files[i][1]);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

/* In the uploader's order; what the sources hold is not looked at. */
static void say_credentials(struct pando_doctor *doctor, const char *environment)
{
    char path[4096];
    const char *id = pando_environment_get(environment, "AWS_ACCESS_KEY_ID");
    bool has_secret = pando_environment_get(environment, "AWS_SECRET_ACCESS_KEY") != NULL;
    const char *profile = pando_environment_get(environment, "AWS_PROFILE");
    size_t len = id != NULL ? strlen(id) : 0;
    if ((id != NULL) != has_secret)
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "aws", "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set: set both or none.");
    else if (id != NULL)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "aws", "credentials come from the environment: access key ***%s.",
                         len > 2 * KEY_SHOWN ? id + len - KEY_SHOWN : "");
    else if (has_shared_files(environment, path, sizeof path))
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "aws", "credentials come from %s (profile %s), if it has any.", path,
                         profile != NULL ? profile : "default");
    else if (pando_environment_get(environment, "AWS_WEB_IDENTITY_TOKEN_FILE") != NULL)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "aws", "credentials come from a web identity (AWS_WEB_IDENTITY_TOKEN_FILE, "
                         "AWS_ROLE_ARN).");
    else if (pando_environment_get(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
             pando_environment_get(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "aws", "credentials come from the container's service.");
    else if (is_word(environment, "AWS_EC2_METADATA_DISABLED", "true"))
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "aws", "the environment shows no AWS credentials, and the machine's are switched off "
                         "(AWS_EC2_METADATA_DISABLED): set AWS_PROFILE or an access key.");
    else
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "aws", "the environment shows no AWS credentials: the machine's metadata service is asked.");
}

/* Without one of these, that of the profile in the shared files, or the machine's. */
static void say_region(struct pando_doctor *doctor, const char *environment)
{
    static const char *const names[] = {"AWS_CODEGURU_PROFILER_GROUP_ARN", "AWS_CODEGURU_PROFILER_TARGET_REGION", "AWS_REGION",
                                        "AWS_DEFAULT_REGION"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (pando_environment_get(environment, names[i]) != NULL)
            return;
    }
    pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "aws", "the environment names no region: set AWS_REGION, unless the shared files or the machine "
                     "have one.");
}

void pando_doctor_endpoint(struct pando_doctor *doctor, const char *environment, const char *other_url)
{
    const char *url = other_url != NULL ? other_url : pando_environment_get(environment, "PANDO_URL");
    bool names_group = pando_environment_get(environment, "AWS_CODEGURU_PROFILER_GROUP_NAME") != NULL ||
                       pando_environment_get(environment, "AWS_CODEGURU_PROFILER_GROUP_ARN") != NULL;
    bool is_off = other_url == NULL && is_word(environment, "PANDO_ENABLED", "false");
    bool is_aws = !is_off && (url != NULL ? is_amazons(url) || is_word(environment, "PANDO_SIGN", "true")
                                          : names_group && is_word(environment, "PANDO_ENABLED", "true"));
    if (is_off)
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "endpoint", "PANDO_ENABLED is false: preloaded, Pando does nothing; unset it.");
    else if (url == NULL && is_aws)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "endpoint", "profiles go to Amazon's service, by AWS's variables.");
    else if (url == NULL && names_group)
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "endpoint", "AWS's variables name a profiling group; set PANDO_ENABLED=true if they are meant "
                         "for Pando too, or PANDO_URL.");
    else if (url == NULL)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "endpoint", "PANDO_URL is not set: preloaded, Pando does nothing; pando run and pando attach "
                         "bring a receiver.");
    else if (is_amazons(url))
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "endpoint", "profiles go to Amazon's service.");
    else if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0)
        ask(doctor, environment, url);
    if (is_aws)
        say_credentials(doctor, environment);
    if (is_aws && url == NULL)
        say_region(doctor, environment);
    if (is_aws)
        pando_doctor_service(doctor, environment, url != NULL ? url : "");
}
