/* Why: serves the page. No file is ever opened: a path is compared with the names of what is built in.
 * Context: own process; the connection's thread. */
#include "receiver/page.h"

#include <string.h>

#include "receiver/routes.h"

/* speedscope makes its style sheets while it runs, has WebAssembly in it, and a font; what is
 * looked at through a lens it gets from the page that opened it, as a blob. It is a page of its own, with no more rights than that. */
static const char SPEEDSCOPE_POLICY[] =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; connect-src 'self' blob:; font-src 'self'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct pando_web_asset *find(const struct pando_web_asset *assets, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(assets[i].name, name) == 0)
            return &assets[i];
    return NULL;
}

static void answer(struct pando_request *request, const struct pando_web_asset *asset, unsigned status)
{
    request->answer.status = status;
    request->answer.content_type = asset->content_type;
    request->answer.fixed_bytes = (const char *)asset->bytes;
    request->answer.fixed_len_bytes = asset->len_bytes;
}

static void serve(struct pando_request *request, const struct pando_web_asset *asset)
{
    if (asset == NULL)
        pando_request_refuse(request, 404, PANDO_NOT_FOUND, "There is nothing at this path.");
    else if (!pando_request_unchanged(request, asset->etag))
        answer(request, asset, 200);
}

void pando_serve_page(struct pando_request *request)
{
    serve(request, find(pando_web_assets, pando_web_asset_count, request->rest != NULL ? request->rest : "index.html"));
}

void pando_serve_speedscope(struct pando_request *request)
{
    request->answer.content_policy = SPEEDSCOPE_POLICY;
    serve(request, find(pando_speedscope_assets, pando_speedscope_asset_count, request->rest));
}

void pando_serve_login_page(struct pando_request *request)
{
    const struct pando_web_asset *asset = find(pando_web_assets, pando_web_asset_count, "login.html");
    request->answer.error_type = NULL; /* the page says it in its own way */
    answer(request, asset, 401);
}
