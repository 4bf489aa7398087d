/* Why: `pando attach` has this library opened in a process that was not started with it, and calls this. None of the functions in
 * front of libc's is in anybody's way then, so what they would have seen to is looked at here and in agent/attached.h.
 * Context: a thread of its own that `pando attach` made, with all signals blocked and a descriptor table of its own. */
#include <pando.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "agent/attached.h"
#include "agent/lifecycle.h"
#include "base/attach_block.h"
#include "base/error.h"
#include "base/raw_syscall.h"

PANDO_API int pando_attach_begin(struct pando_attach_block *block);

static const char *text_or_null(char *text, size_t text_bytes)
{
    text[text_bytes - 1] = '\0';
    return text[0] != '\0' ? text : NULL;
}

static int refuse(struct pando_attach_block *block, int error, const char *sentence)
{
    snprintf(block->sentence, sizeof block->sentence, "%s", sentence);
    block->error = error;
    return error;
}

/* A host that has its own use for SIGPROF would lose it, or Pando its samples. */
static bool has_own_sigprof(void)
{
    struct itimerval timer;
    return pando_attached_sigprof_is() == PANDO_SIGPROF_HOSTS ||
           (getitimer(ITIMER_PROF, &timer) == 0 && (timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0));
}

int pando_attach_begin(struct pando_attach_block *block)
{
    if (block->version != PANDO_ATTACH_VERSION)
        return refuse(block, PANDO_ERR_UNSUPPORTED, "libpando.so in the process is of another version than this command.");
    pando_attached_area(block->area, block->area_bytes);
    if (has_own_sigprof())
        return refuse(block, PANDO_ERR_BUSY, "the program uses SIGPROF itself; start it under pando run, where both fit.");
    const struct pando_options options = {
        .struct_bytes = sizeof options, .url = text_or_null(block->url, sizeof block->url),
        .group = text_or_null(block->group, sizeof block->group), .rate_hz = block->rate_hz, .interval_s = block->interval_s};
    const struct pando_config_more more = {
        .mode = text_or_null(block->mode, sizeof block->mode), .log = text_or_null(block->log, sizeof block->log),
        .wall_rate_hz = block->wall_rate_hz, .is_attached = true, .lease_s = block->lease_s};
    int error = pando_lifecycle_start_attached(&options, &more);
    return error != 0 ? refuse(block, error, pando_problem()) : 0;
}
