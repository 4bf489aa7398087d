/* Why: the service may tell its agents when and how to profile (ConfigureAgent), and this is what of it is obeyed.
 * Context: worker. Pure. Private to uploader/. An order of the service's can only make profiling cheaper than the user has it, and
 * what the user has set himself is not touched. docs/aws.md has the tables. */
#ifndef PANDO_UPLOADER_ORCHESTRATION_H
#define PANDO_UPLOADER_ORCHESTRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uploader/http.h"
#include "uploader/uploader.h"

enum {
    PANDO_PERIOD_MIN_S = 30,
    PANDO_PERIOD_MAX_S = 3600,
    PANDO_SAMPLING_MAX_MS = 60 * 60 * 1000,
    PANDO_DEPTH_MIN = 2,
    PANDO_DEPTH_MAX = 10000,
};

/* Reads the body of a 200 into `orders`, which keeps what the body does not say, or says in a way that makes no sense. 0, or
 * PANDO_ERR_SYNTAX and `orders` as it was: no JSON object, or a period shorter than the least that a report may cover. */
int pando_orchestration_read(const char *body, size_t body_bytes, struct pando_uploader_orders *orders);

/* What is to be done after a ConfigureAgent that brought no 200. */
enum pando_orchestration_verdict {
    PANDO_ORDERS_STAY,  /* throttled, forbidden, server or network in trouble: go on as before */
    PANDO_ORDERS_PAUSE, /* there is no such group, or the request is no good: profile nothing until an answer comes */
};
enum pando_orchestration_verdict pando_orchestration_judge(const struct pando_try_outcome *outcome);

#endif
