/* Why: receiver/listen.h. Context: own process, at the start. */
#include "receiver/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

enum { BACKLOG = 512 };

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                                : ((const struct sockaddr_in *)address)->sin_port);
}

static int open_socket(const struct addrinfo *at, uint16_t *ret_port)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    struct sockaddr_storage bound;
    socklen_t bound_bytes = sizeof bound;
    /* A receiver that is started again must not wait for the last one's connections to be forgotten. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_bytes) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    *ret_port = port_of(&bound);
    return fd;
}

int pando_listen(const char *host, uint16_t port, bool allow_remote, uint16_t *ret_port, bool *ret_is_ipv6, char *message,
                 size_t message_bytes)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int failed = getaddrinfo(host, service, &hints, &addresses);
    if (failed != 0) {
        snprintf(message, message_bytes, "there is no address \"%s\" to listen on: %s.", host, gai_strerror(failed));
        return PANDO_ERR_INVALID;
    }
    int result;
    if (!allow_remote && !is_loopback(addresses->ai_addr)) {
        snprintf(message, message_bytes, "%s can be reached by other machines, and whoever reaches a receiver can read and "
                 "add profiles; use pando serve with --tls-cert and a token or access key, or, if that is meant, --allow-remote.",
                 host);
        result = PANDO_ERR_REFUSED;
    } else {
        *ret_is_ipv6 = addresses->ai_family == AF_INET6;
        result = open_socket(addresses, ret_port);
        if (result < 0) {
            snprintf(message, message_bytes, "listening on %s port %u is not possible: %s.", host, port, strerror(errno));
            result = PANDO_ERR_IO;
        }
    }
    freeaddrinfo(addresses);
    return result;
}
