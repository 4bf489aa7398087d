/* Why: serves the page. No file is ever opened: a path is compared with the names of what is built in.
 * Context: own process; the connection's thread. */
#include "receiver/page.h"

#include <string.h>

#include "receiver/routes.h"

static const struct pando_web_asset *find(const char *name)
{
    for (size_t i = 0; i < pando_web_asset_count; i++) {
        const struct pando_web_asset *asset = &pando_web_assets[i];
        if (strcmp(asset->name, name) == 0)
            return asset;
    }
    return NULL;
}

static void answer(struct pando_request *request, const struct pando_web_asset *asset, unsigned status)
{
    request->answer.status = status;
    request->answer.content_type = asset->content_type;
    request->answer.fixed_bytes = (const char *)asset->bytes;
    request->answer.fixed_len_bytes = asset->len_bytes;
}

void pando_serve_page(struct pando_request *request)
{
    const struct pando_web_asset *asset = find(request->rest != NULL ? request->rest : "index.html");
    if (asset == NULL)
        pando_request_refuse(request, 404, PANDO_NOT_FOUND, "There is nothing at this path.");
    else if (!pando_request_unchanged(request, asset->etag))
        answer(request, asset, 200);
}

void pando_serve_login_page(struct pando_request *request)
{
    const struct pando_web_asset *asset = find("login.html");
    request->answer.error_type = NULL; /* the page says it in its own way */
    answer(request, asset, 401);
}
