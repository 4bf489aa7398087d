/* Why: the environment of the profiled program: what it was, with libpando.so in LD_PRELOAD and Pando's settings.
 * Context: own process. */
#ifndef PANDO_CLI_ENVIRONMENT_H
#define PANDO_CLI_ENVIRONMENT_H

struct pando_environment_settings {
    const char *library;  /* path of libpando.so; goes in front of what LD_PRELOAD had */
    const char *url, *group, *interval_s;
    const char *rate_hz;  /* NULL: as it was */
    const char *mode, *wall_rate_hz; /* NULL: as it was */
    const char *log;      /* NULL: as it was */
    const char *end_ms;   /* NULL: as it was */
};

/* A malloc'ed, NULL-terminated array like environ, to be freed with pando_environment_free. NULL: no memory. */
char **pando_environment_make(char *const *old, const struct pando_environment_settings *settings);
void pando_environment_free(char **environment);

#endif
