/* Why: a receiver that misbehaves on command, so that each fault of a network is met on purpose and counted.
 * Context: unit tests. A thread in the test's process, on a free port of 127.0.0.1; answers in order of a script, one step a
 * request, then 204 for ever. It keeps what came: tokens, bodies, and what it would have stored ("committed"). */
#ifndef PANDO_TESTS_FAULT_SERVER_H
#define PANDO_TESTS_FAULT_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum fault_step {
    FAULT_NONE = 0,       /* commit, 204 */
    FAULT_STATUS,         /* answer `text` as it stands, do not commit */
    FAULT_LOST_ANSWER,    /* commit, then close without a word */
    FAULT_RESET,          /* close after the headers, do not commit */
    FAULT_HANG,           /* read all, answer nothing until the client goes away or the server stops */
    FAULT_ENDLESS_ANSWER, /* 400 with a body that does not end */
};

struct fault_script {
    enum fault_step step;
    const char *text;
};

enum { FAULT_REQUESTS_MAX = 256, FAULT_REQUEST_BYTES = 1 << 20 };

struct fault_server {
    int listener;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    const struct fault_script *script; /* ends with FAULT_NONE */
    int requests, connections, committed, duplicates;
    uint64_t came_mono_ns[FAULT_REQUESTS_MAX];
    char tokens[FAULT_REQUESTS_MAX][64];
    char committed_tokens[FAULT_REQUESTS_MAX][64];
    char first_head[4096];
    char first_body[4096];
};

static inline bool fault_server_read(int peer, char *bytes, size_t *used, size_t want)
{
    while (*used < want) {
        ssize_t got = read(peer, bytes + *used, FAULT_REQUEST_BYTES - 1 - *used);
        if (got <= 0)
            return false;
        *used += (size_t)got;
        bytes[*used] = '\0';
    }
    return true;
}

static inline void fault_server_say(int peer, const char *text)
{
    (void)!send(peer, text, strlen(text), MSG_NOSIGNAL);
}

static inline void fault_server_commit(struct fault_server *server, const char *token)
{
    for (int i = 0; i < server->committed; i++) {
        if (strcmp(server->committed_tokens[i], token) == 0) {
            server->duplicates++;
            return;
        }
    }
    memcpy(server->committed_tokens[server->committed++], token, 64);
}

static inline bool fault_server_stops(struct fault_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool stopping = server->stopping;
    pthread_mutex_unlock(&server->lock);
    return stopping;
}

/* Plays one step; false when the connection is to be closed. */
static inline bool fault_server_play(struct fault_server *server, int peer, struct fault_script step)
{
    switch (step.step) {
    case FAULT_NONE:
        fault_server_say(peer, "HTTP/1.1 204 No Content\r\n\r\n");
        return true;
    case FAULT_STATUS:
        fault_server_say(peer, step.text);
        return strstr(step.text, "Connection: close") == NULL;
    case FAULT_HANG:
        while (!fault_server_stops(server)) {
            struct pollfd gone = {.fd = peer, .events = POLLIN};
            if (poll(&gone, 1, 20) > 0)
                return false;
        }
        return false;
    case FAULT_ENDLESS_ANSWER:
        fault_server_say(peer, "HTTP/1.1 400 Bad Request\r\n\r\n");
        while (!fault_server_stops(server) && send(peer, "0123456789abcdef", 16, MSG_NOSIGNAL) > 0)
            continue;
        return false;
    default:
        return false;
    }
}

static inline bool fault_server_request(struct fault_server *server, int peer, char *bytes, size_t *used)
{
    char *head_end;
    while ((head_end = *used != 0 ? strstr(bytes, "\r\n\r\n") : NULL) == NULL)
        if (!fault_server_read(peer, bytes, used, *used + 1))
            return false;
    const char *length = strcasestr(bytes, "\r\nContent-Length:");
    size_t head_bytes = (size_t)(head_end + 4 - bytes);
    size_t all_bytes = head_bytes + (length != NULL ? strtoul(length + 17, NULL, 10) : 0);
    pthread_mutex_lock(&server->lock);
    struct fault_script step = *server->script;
    if (step.step != FAULT_NONE)
        server->script++;
    pthread_mutex_unlock(&server->lock);
    bool whole = step.step == FAULT_RESET || fault_server_read(peer, bytes, used, all_bytes);
    pthread_mutex_lock(&server->lock);
    if (whole && server->requests < FAULT_REQUESTS_MAX) {
        char *token = server->tokens[server->requests];
        server->came_mono_ns[server->requests] = pando_clock_mono_ns();
        const char *from = strstr(bytes, "profileToken=");
        snprintf(token, 64, "%.36s", from != NULL ? from + 13 : "");
        if (server->requests == 0) {
            snprintf(server->first_head, sizeof server->first_head, "%.*s", (int)head_bytes, bytes);
            snprintf(server->first_body, sizeof server->first_body, "%.*s", (int)(*used - head_bytes), bytes + head_bytes);
        }
        server->requests++;
        if (step.step == FAULT_NONE || step.step == FAULT_LOST_ANSWER)
            fault_server_commit(server, token);
    }
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    *used = 0;
    bytes[0] = '\0';
    return whole && fault_server_play(server, peer, step);
}

static inline void *fault_server_run(void *context)
{
    struct fault_server *server = context;
    char *bytes = malloc(FAULT_REQUEST_BYTES);
    while (!fault_server_stops(server)) {
        struct pollfd waiting = {.fd = server->listener, .events = POLLIN};
        if (poll(&waiting, 1, 20) <= 0)
            continue;
        int peer = accept(server->listener, NULL, NULL);
        if (peer < 0)
            continue;
        pthread_mutex_lock(&server->lock);
        server->connections++;
        pthread_mutex_unlock(&server->lock);
        size_t used = 0;
        bool open = true;
        while (open && !fault_server_stops(server)) {
            struct pollfd request = {.fd = peer, .events = POLLIN};
            if (poll(&request, 1, 20) > 0)
                open = fault_server_request(server, peer, bytes, &used);
        }
        close(peer);
    }
    free(bytes);
    return NULL;
}

/* Binds a port; listens only when told to (fault_server_open), so that "refused" can be had. */
static inline void fault_server_bind(struct fault_server *server, const struct fault_script *script)
{
    memset(server, 0, sizeof *server);
    server->script = script;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(server->listener, (struct sockaddr *)&address, size) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    server->port = ntohs(address.sin_port);
}

static inline void fault_server_open(struct fault_server *server)
{
    if (listen(server->listener, 16) != 0 || pthread_create(&server->thread, NULL, fault_server_run, server) != 0)
        abort();
}

/* Waits until so many requests came, at most a minute. */
static inline bool fault_server_wait(struct fault_server *server, int requests)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 60;
    pthread_mutex_lock(&server->lock);
    int error = 0;
    while (server->requests < requests && error == 0)
        error = pthread_cond_timedwait(&server->changed, &server->lock, &limit);
    bool came = server->requests >= requests;
    pthread_mutex_unlock(&server->lock);
    return came;
}

/* What the server noted down before it answered may be read after this. */
static inline void fault_server_sync(struct fault_server *server)
{
    pthread_mutex_lock(&server->lock);
    pthread_mutex_unlock(&server->lock);
}

static inline void fault_server_stop(struct fault_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

#endif
