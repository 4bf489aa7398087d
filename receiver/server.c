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

#include "base/error.h"
#include "receiver/answer.h"
#include "receiver/deadlines.h"
#include "receiver/gate.h"
#include "receiver/intake.h"
#include "receiver/listen.h"
#include "receiver/routes.h"
#include "receiver/store_groups.h"
#include "receiver/store_keeper.h"
#include "receiver/tls.h"

enum {
    CONNECTIONS_MAX = 512,              /* deadlines.c makes room long before */
    CONNECTION_MEMORY_BYTES = 32768,    /* headers must fit */
    THREAD_STACK_BYTES = 1 << 20,
    SILENCE_TIMEOUT_S = 70,             /* behind all of deadlines.c */
    BODY_LIMIT_BYTES = 32 << 20,
    PERIOD_S = 60,
    DECODING_AT_ONCE = 4,
    MERGING_AT_ONCE = 2,
};

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

/* The first that is heard of a request: its line. What it asks for is kept as it came, for signatures are made over that. */
static void *on_line(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct pando_request *request = calloc(1, sizeof *request);
    char *copy = request != NULL ? strdup(uri) : NULL;
    if (copy == NULL) {
        free(request);
        return NULL;
    }
    request->service = context;
    request->connection = connection;
    request->uri = copy;
    return request;
}

static enum MHD_Result begin_request(struct pando_request *request, const char *path, const char *method)
{
    request->has_begun = true;
    request->method = method;
    begin_phase(request->service, request->connection, PANDO_PHASE_BODY);
    int error = pando_intake_headers(request, path);
    return error != 0 && waits_for_us(request) ? send_answer(request) : MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **request_context)
{
    (void)context;
    (void)version;
    struct pando_request *request = *request_context;
    if (request == NULL)
        return MHD_NO;
    if (!request->has_begun)
        return begin_request(request, path, method);
    if (*upload_bytes != 0) {
        size_t len_bytes = *upload_bytes;
        *upload_bytes = 0;
        return pando_intake_body(request, upload, len_bytes) ? MHD_YES : MHD_NO;
    }
    begin_phase(request->service, connection, PANDO_PHASE_WORK);
    if (request->answer.status == 0 && pando_gate_end(request) == 0 && pando_route_check_group(request) == 0)
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
    pando_intake_forget(request);
    pando_buffer_release(&request->answer.body);
    free(request->uri);
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

/* Other machines are let in when they cannot read along, and must show who they are; or when that is said to be meant. */
static bool may_be_remote(const struct pando_receiver_config *config)
{
    return config->allow_remote || (config->auth != NULL && config->tls_cert_file != NULL);
}

static int set_up_service(struct pando_service *service, const struct pando_receiver_config *config, char *message,
                          size_t message_bytes)
{
    const char *host = config->listen_host != NULL && config->listen_host[0] != '\0' ? config->listen_host : "127.0.0.1";
    const char *names = config->host_names != NULL ? config->host_names : "";
    const char *root = config->source_root != NULL ? config->source_root : "";
    if (strlen(root) >= sizeof service->source_root) {
        snprintf(message, message_bytes, "the folder of sources has too long a name.");
        return PANDO_ERR_INVALID;
    }
    strcpy(service->source_root, root);
    service->shows_sources = root[0] != '\0' || (!may_be_remote(config) && names[0] == '\0');
    if (strlen(host) >= sizeof service->host || strlen(names) >= sizeof service->host_names) {
        snprintf(message, message_bytes, "the receiver's host names are too long.");
        return PANDO_ERR_INVALID;
    }
    strcpy(service->host, host);
    strcpy(service->host_names, names);
    service->host_rule = (struct pando_host_rule){
        .listen_host = service->host, .more_names = service->host_names, .allow_remote = may_be_remote(config)};
    service->body_limit_bytes = config->body_limit_bytes != 0 ? config->body_limit_bytes : BODY_LIMIT_BYTES;
    service->period_s = config->period_s != 0 ? config->period_s : PERIOD_S;
    service->groups_must_exist = config->groups_must_exist;
    service->auth = config->auth;
    service->is_tls = config->tls_cert_file != NULL;
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

static int start_daemon(struct pando_receiver *receiver, const struct pando_receiver_config *config, const struct pando_tls *tls,
                        char *message, size_t message_bytes)
{
    struct pando_service *service = &receiver->service;
    bool is_ipv6 = false;
    int fd = pando_listen(service->host, config->port, may_be_remote(config), &receiver->port, &is_ipv6, message, message_bytes);
    if (fd < 0)
        return fd;
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}}, https[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, tls->cert}, {MHD_OPTION_HTTPS_MEM_KEY, 0, tls->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)PANDO_TLS_PRIORITIES}, {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC |
                     (is_ipv6 ? MHD_USE_IPv6 : 0u) | (service->is_tls ? MHD_USE_TLS : 0u);
    receiver->daemon = MHD_start_daemon(
        flags, receiver->port, NULL, NULL, on_request, service,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, service,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, service,
        MHD_OPTION_URI_LOG_CALLBACK, on_line, service,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, service->is_tls ? https : none,
        MHD_OPTION_END);
    if (receiver->daemon != NULL)
        return 0;
    /* The descriptor is left alone: whether libmicrohttpd has closed it by now depends on how far it came. */
    snprintf(message, message_bytes, service->is_tls
                 ? "the HTTPS server cannot start: %s and %s are no certificate and its key."
                 : "the HTTP server cannot start: there is no memory, or no thread to be had.",
             config->tls_cert_file, config->tls_key_file);
    return PANDO_ERR_NO_MEMORY;
}

static int read_tls(const struct pando_receiver_config *config, struct pando_tls *tls, char *message, size_t message_bytes)
{
    if (config->tls_cert_file == NULL && config->tls_key_file == NULL)
        return 0;
    if (config->tls_cert_file != NULL && config->tls_key_file != NULL)
        return pando_tls_read(config->tls_cert_file, config->tls_key_file, tls, message, message_bytes);
    snprintf(message, message_bytes, "TLS needs both a certificate and its key.");
    return PANDO_ERR_INVALID;
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
        receiver->keeper = pando_store_keeper_start(receiver->service.store, &config->keep);
        if (receiver->service.deadlines == NULL || receiver->keeper == NULL) {
            snprintf(message, message_bytes, "the receiver cannot start: there is no thread to be had.");
            error = PANDO_ERR_NO_MEMORY;
        }
    }
    struct pando_tls tls = {NULL, NULL};
    if (error == 0)
        error = read_tls(config, &tls, message, message_bytes);
    if (error == 0)
        error = start_daemon(receiver, config, &tls, message, message_bytes);
    pando_tls_release(&tls);
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
