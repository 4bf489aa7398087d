/* Why: AWS speaks three forms of time: 20261124T000000Z in signatures, 2026-11-24T00:00:00Z in expiries, and HTTP's Date. libc's
 * functions for them take the time zone's lock, which a forked child may inherit locked.
 * Context: worker and own processes. Pure. */
#ifndef PANDO_AWS_AWS_TIME_H
#define PANDO_AWS_AWS_TIME_H

#include <stddef.h>
#include <stdint.h>

enum { PANDO_AWS_TIME_SIZE = 17 };

/* Writes seconds since 1970 (0 to the year 9999) as "20261124T000000Z". */
void pando_aws_time_format(int64_t wall_s, char text[PANDO_AWS_TIME_SIZE]);
/* Reads "2026-11-24T00:00:00Z", with or without a fraction, with Z, +00:00 or another offset. 0 or PANDO_ERR_SYNTAX. */
int pando_aws_time_parse(const char *text, int64_t *ret_wall_s);

#endif
