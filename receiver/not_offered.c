/* Why: the operations of the service model that a receiver of one's own has no use for: an SDK gets an error that its model of the
 * operation has, with a sentence that says what to do instead.
 * Context: own process; the connection's thread. */
#include "receiver/routes.h"

void pando_serve_not_offered(struct pando_request *request)
{
    const struct pando_route *route = request->route;
    pando_request_refuse(request, route->refuse_status, route->refuse_status == 404 ? PANDO_NOT_FOUND : PANDO_VALIDATION,
                         "This receiver does not offer %s: %s.", route->operation, route->why);
}
