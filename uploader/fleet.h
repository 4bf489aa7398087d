/* Why: which machine, task or function this process runs on, in the forms that CodeGuru Profiler's own agents tell it.
 * Context: the upload thread: it asks the network. Private to uploader/. */
#ifndef PANDO_UPLOADER_FLEET_H
#define PANDO_UPLOADER_FLEET_H

#include "uploader/http.h"
#include "uploader/uploader.h"

/* A Lambda function by its environment, a task of ECS or Fargate by its metadata endpoint, a machine of EC2 by its metadata service,
 * in this order. 0 and both texts of `fleet`; PANDO_ERR_NOT_FOUND: none of these, or it could not be found out. */
int pando_fleet_find(const char *environment, struct pando_http *http, const atomic_bool *abort, struct pando_uploader_fleet *fleet);

/* Reads what ECS says of a task. 0, or PANDO_ERR_NOT_FOUND: it says nothing of use. Pure. */
int pando_fleet_read_task(const char *body, size_t body_bytes, struct pando_uploader_fleet *fleet);

#endif
