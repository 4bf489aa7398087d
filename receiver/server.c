/* Why: receiver/receiver.h: the parts come up and go down here, and libmicrohttpd calls back from here.
 * Context: own process. One thread a connection (a long sum holds up nobody else), all signals blocked in them.
 *
 * The way of a request: headers are checked (Host and Origin first, then the route, then what the body will be); the body is
 * gathered, or read and thrown away when the answer is an error already, since a client that is still sending would miss
 * it; then the operation runs, and the answer goes out. */
#include "receiver/receiver.h"

#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"
#include "receiver/answer.h"
#include "receiver/deadlines.h"
#include "receiver/listen.h"
#include "receiver/routes.h"
#include "receiver/store_groups.h"
#include "receiver/store_keeper.h"

enum {
    CONNECTIONS_MAX = 512,              /* deadlines.c makes room long before */
    CONNECTION_MEMORY_BYTES = 32768,    /* headers must fit */
    THREAD_STACK_BYTES = 1 << 20,
    SILENCE_TIMEOUT_S = 70,             /* behind all of deadlines.c */
    BODY_LIMIT_BYTES = 32 << 20,
    SMALL_BODY_BYTES = 65536,
    DRAIN_MAX_BYTES = 64 << 20,         /* what is read and thrown away before the connection is cut instead */
    PERIOD_S = 60,
    DECODING_AT_ONCE = 4,
    MERGING_AT_ONCE = 2,
};
static const size_t BODIES_MAX_BYTES = 256 << 20; /* of all requests together */

struct pando_receiver {
    struct pando_service service;
    struct pando_store_keeper *keeper;
    struct MHD_Daemon *daemon;
    uint16_t port;
};

static struct pando_deadline *deadline_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static void begin_phase(struct pando_service *service, struct MHD_Connection *connection, enum pando_phase phase)
{
    pando_deadline_phase(service->deadlines, deadline_of(connection), phase);
}

/* libmicrohttpd closes the descriptor only after this was told that it will. */
static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct pando_service *service = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket_context = info != NULL ? pando_deadline_add(service->deadlines, info->connect_fd) : NULL;
    } else {
        pando_deadline_remove(service->deadlines, *socket_context);
        *socket_context = NULL;
    }
}

static size_t body_limit(const struct pando_request *request)
{
    if (request->route == NULL || request->route->body == PANDO_BODY_NONE)
        return 0;
    return request->route->body == PANDO_BODY_SMALL ? SMALL_BODY_BYTES : request->service->body_limit_bytes;
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

static int check_content_type(struct pando_request *request)
{
    const char *type = pando_request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
    size_t len = type != NULL ? strcspn(type, "; \t") : 0;
    if (len == strlen(PANDO_TYPE_JSON) && strncasecmp(type, PANDO_TYPE_JSON, len) == 0)
        return 0;
    if (type == NULL)
        return pando_request_refuse(request, 415, "UnsupportedMediaTypeException",
                                    "Content-Type must be application/json, but there is none.");
    return pando_request_refuse(request, 415, "UnsupportedMediaTypeException",
                                "Content-Type must be application/json, not \"%.100s\".", type);
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

/* Whether nothing of the body is on its way yet, so that an error can be told at once. */
static bool waits_for_us(const struct pando_request *request)
{
    const char *expect = pando_request_header(request, MHD_HTTP_HEADER_EXPECT);
    return expect != NULL && strcasecmp(expect, "100-continue") == 0;
}

static enum MHD_Result send_answer(struct pando_request *request)
{
    begin_phase(request->service, request->connection, PANDO_PHASE_ANSWER);
    return pando_answer_send(request);
}

static enum MHD_Result begin_request(struct pando_service *service, struct MHD_Connection *connection, const char *path,
                                     const char *method, void **request_context)
{
    struct pando_request *request = calloc(1, sizeof *request);
    if (request == NULL)
        return MHD_NO;
    *request_context = request;
    request->service = service;
    request->connection = connection;
    begin_phase(service, connection, PANDO_PHASE_BODY);
    int error = check_host(request);
    if (error == 0)
        error = pando_route_find(request, method, path);
    if (error == 0)
        error = check_body_headers(request);
    return error != 0 && waits_for_us(request) ? send_answer(request) : MHD_YES;
}

static void forget_body(struct pando_request *request)
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

/* Keeps or throws away a part of the body. MHD_NO cuts the connection. */
static enum MHD_Result take_body(struct pando_request *request, const char *bytes, size_t len_bytes)
{
    if (request->answer.status == 0 && body_limit(request) != 0) {
        if (keep_body(request, bytes, len_bytes) != 0)
            forget_body(request);
        return MHD_YES;
    }
    request->drained_bytes += len_bytes;
    return request->drained_bytes <= DRAIN_MAX_BYTES ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **request_context)
{
    (void)version;
    struct pando_request *request = *request_context;
    if (request == NULL)
        return begin_request(context, connection, path, method, request_context);
    if (*upload_bytes != 0) {
        size_t len_bytes = *upload_bytes;
        *upload_bytes = 0;
        return take_body(request, upload, len_bytes);
    }
    begin_phase(request->service, connection, PANDO_PHASE_WORK);
    if (request->answer.status == 0)
        request->route->serve(request);
    return send_answer(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    (void)code;
    struct pando_request *request = *request_context;
    begin_phase(context, connection, PANDO_PHASE_IDLE);
    if (request == NULL)
        return;
    forget_body(request);
    pando_buffer_release(&request->answer.body);
    free(request);
    *request_context = NULL;
}

/* A NUL in a path or a query would end the text for whoever looks at it: no name has either, so it becomes another byte that
 * none has. */
static size_t unescape(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    size_t len = MHD_http_unescape(text);
    for (char *nul = memchr(text, '\0', len); nul != NULL; nul = memchr(nul, '\0', len - (size_t)(nul - text)))
        *nul = '\1';
    return len;
}

static int set_up_service(struct pando_service *service, const struct pando_receiver_config *config, char *message,
                          size_t message_bytes)
{
    const char *host = config->listen_host != NULL && config->listen_host[0] != '\0' ? config->listen_host : "127.0.0.1";
    const char *names = config->host_names != NULL ? config->host_names : "";
    if (strlen(host) >= sizeof service->host || strlen(names) >= sizeof service->host_names) {
        snprintf(message, message_bytes, "the receiver's host names are too long.");
        return PANDO_ERR_INVALID;
    }
    strcpy(service->host, host);
    strcpy(service->host_names, names);
    service->host_rule = (struct pando_host_rule){
        .listen_host = service->host, .more_names = service->host_names, .allow_remote = config->allow_remote};
    service->body_limit_bytes = config->body_limit_bytes != 0 ? config->body_limit_bytes : BODY_LIMIT_BYTES;
    service->period_s = config->period_s != 0 ? config->period_s : PERIOD_S;
    service->groups_must_exist = config->groups_must_exist;
    if (getrandom(&service->run_id, sizeof service->run_id, 0) != (ssize_t)sizeof service->run_id)
        service->run_id = (uint64_t)getpid();
    int error = pando_store_open(config->store_path, false, &service->store, message, message_bytes);
    if (error == 0 && config->store_limit_bytes != 0)
        error = pando_store_limit(service->store, config->store_limit_bytes);
    if (error == 0) {
        pando_store_group_rule(service->store, config->groups_must_exist, PANDO_GROUPS_MAX);
        pando_store_group_sweep(service->store); /* what it cannot do now it can the next time */
    }
    return error;
}

static int start_daemon(struct pando_receiver *receiver, const struct pando_receiver_config *config, char *message,
                        size_t message_bytes)
{
    struct pando_service *service = &receiver->service;
    bool is_ipv6 = false;
    int fd = pando_listen(service->host, config->port, config->allow_remote, &receiver->port, &is_ipv6, message,
                          message_bytes);
    if (fd < 0)
        return fd;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC;
    receiver->daemon = MHD_start_daemon(
        is_ipv6 ? flags | MHD_USE_IPv6 : flags, receiver->port, NULL, NULL, on_request, service,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, service,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, service,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (receiver->daemon != NULL)
        return 0;
    /* The descriptor is left alone: whether libmicrohttpd has closed it by now depends on how far it came. */
    snprintf(message, message_bytes, "the HTTP server cannot start: there is no memory, or no thread to be had.");
    return PANDO_ERR_NO_MEMORY;
}

int pando_receiver_start(const struct pando_receiver_config *config, struct pando_receiver **ret_receiver,
                         char *message, size_t message_bytes)
{
    struct pando_receiver *receiver = calloc(1, sizeof *receiver);
    if (receiver == NULL) {
        snprintf(message, message_bytes, "there is no memory for the receiver.");
        return PANDO_ERR_NO_MEMORY;
    }
    sem_init(&receiver->service.decoding, 0, DECODING_AT_ONCE);
    sem_init(&receiver->service.merging, 0, MERGING_AT_ONCE);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = set_up_service(&receiver->service, config, message, message_bytes);
    if (error == 0) {
        receiver->service.deadlines = pando_deadlines_start();
        receiver->keeper = pando_store_keeper_start(receiver->service.store);
        if (receiver->service.deadlines == NULL || receiver->keeper == NULL) {
            snprintf(message, message_bytes, "the receiver cannot start: there is no thread to be had.");
            error = PANDO_ERR_NO_MEMORY;
        }
    }
    if (error == 0)
        error = start_daemon(receiver, config, message, message_bytes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        pando_receiver_stop(receiver);
        return error;
    }
    *ret_receiver = receiver;
    return 0;
}

uint16_t pando_receiver_port(const struct pando_receiver *receiver)
{
    return receiver->port;
}

void pando_receiver_stop(struct pando_receiver *receiver)
{
    if (receiver->daemon != NULL)
        MHD_stop_daemon(receiver->daemon); /* waits for the connections' threads */
    pando_deadlines_stop(receiver->service.deadlines);
    pando_store_keeper_stop(receiver->keeper);
    pando_store_close(receiver->service.store);
    sem_destroy(&receiver->service.decoding);
    sem_destroy(&receiver->service.merging);
    free(receiver);
}
