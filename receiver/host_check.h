/* Why: a web page of somebody else, open in the user's browser, can make requests to loopback addresses, also under a name that
 * it lets resolve to one (DNS rebinding). The Host and Origin headers that the browser sends give it away.
 * Context: own process. Pure. */
#ifndef PANDO_RECEIVER_HOST_CHECK_H
#define PANDO_RECEIVER_HOST_CHECK_H

#include <stdbool.h>

struct pando_host_rule {
    const char *listen_host;
    const char *more_names;  /* with commas; NULL: none */
    bool allow_remote;       /* then any IP address will do: no name, no rebinding */
};

/* Whether a Host header ("name", "name:port", "[address]:port") names this receiver. The port is not compared: behind a
 * forwarded port it is another one, and a foreign page cannot choose the name. NULL: no. */
bool pando_host_is_ours(const struct pando_host_rule *rule, const char *host);
/* Whether a request with this Origin header (NULL: none) comes from our own page, or from no page at all. */
bool pando_origin_is_ours(const char *origin, const char *host);

#endif
