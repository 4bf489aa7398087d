/* Why: the table of what can be asked for, and with which method.
 * Context: own process. Pure. */
#ifndef PANDO_RECEIVER_ROUTES_H
#define PANDO_RECEIVER_ROUTES_H

#include <stdbool.h>

#include "receiver/request.h"

enum pando_route_body { PANDO_BODY_NONE, PANDO_BODY_SMALL, PANDO_BODY_TREES, PANDO_BODY_PROFILE };

/* Who must show what: receiver/gate.h. */
enum pando_access {
    PANDO_ACCESS_SERVICE, /* the operations of Amazon's API: a signature or a token */
    PANDO_ACCESS_PAGE,    /* what a browser and the command read: a session will do too */
    PANDO_ACCESS_OPEN,    /* the page's files, which hold nothing of anybody's, and the login */
};

struct pando_route {
    const char *method, *pattern;  /* {group} one checked segment, {any} one segment, {rest} all that is left */
    void (*serve)(struct pando_request *request); /* fills the answer */
    enum pando_route_body body;
    enum pando_access access;
    const char *operation, *why;   /* of pando_serve_not_offered: for its sentence */
    unsigned refuse_status;
};

/* Finds the route by request->method and the path, or fills the answer with 404 or 405: PANDO_ERR_REFUSED. */
int pando_route_find(struct pando_request *request, const char *path);
/* Whether what stands for {group} can be a group's name. 0 or PANDO_ERR_REFUSED. */
int pando_route_check_group(struct pando_request *request);

/* operations.c */
void pando_serve_configure_agent(struct pando_request *request);
void pando_serve_post_agent_profile(struct pando_request *request);
/* groups.c */
void pando_serve_create_group(struct pando_request *request);
void pando_serve_describe_group(struct pando_request *request);
void pando_serve_update_group(struct pando_request *request);
void pando_serve_delete_group(struct pando_request *request);
void pando_serve_list_groups(struct pando_request *request);
/* tags.c */
void pando_serve_list_tags(struct pando_request *request);
void pando_serve_tag(struct pando_request *request);
void pando_serve_untag(struct pando_request *request);
/* aggregates.c */
void pando_serve_profile_times(struct pando_request *request);
void pando_serve_get_profile(struct pando_request *request);
/* not_offered.c */
void pando_serve_not_offered(struct pando_request *request);
/* page_api.c */
void pando_serve_groups(struct pando_request *request);
void pando_serve_tree(struct pando_request *request);
/* page_api_sources.c */
void pando_serve_timeline(struct pando_request *request);
void pando_serve_sources(struct pando_request *request);
/* page_api_download.c */
void pando_serve_download(struct pando_request *request);
/* page_api_shown.c */
void pando_serve_shown(struct pando_request *request);
/* page_api_source.c */
void pando_serve_source(struct pando_request *request);
/* page.c */
void pando_serve_page(struct pando_request *request);
void pando_serve_speedscope(struct pando_request *request);
void pando_serve_login_page(struct pando_request *request);
/* login.c */
void pando_serve_login(struct pando_request *request);

/* Whether `text` matches ^[\w-]{1,max}$. */
bool pando_is_name(const char *text, size_t max);

#endif
