/* Why: AWS speaks three forms of time: 20261124T000000Z in signatures, 2026-11-24T00:00:00.000Z in bodies, and HTTP's Date. libc's
 * functions for them take the time zone's lock, which a forked child may inherit locked.
 * Context: worker and own processes. Pure. */
#ifndef PANDO_AWS_AWS_TIME_H
#define PANDO_AWS_AWS_TIME_H

#include <stddef.h>
#include <stdint.h>

enum { PANDO_AWS_TIME_SIZE = 17, PANDO_AWS_TIME_MS_SIZE = 25 };

/* Writes seconds since 1970 (0 to the year 9999) as "20261124T000000Z". */
void pando_aws_time_format(int64_t wall_s, char text[PANDO_AWS_TIME_SIZE]);
/* Reads "2026-11-24T00:00:00Z", with or without a fraction, with Z, +00:00 or another offset. 0 or PANDO_ERR_SYNTAX. */
int pando_aws_time_parse(const char *text, int64_t *ret_wall_s);
/* The same with milliseconds, which may be below 0 because of the offset; what is finer is cut off. */
int pando_aws_time_parse_ms(const char *text, int64_t *ret_wall_ms);
/* Writes milliseconds since 1970 (to the year 9999) as "2026-11-24T00:00:00.000Z". */
void pando_aws_time_format_ms(uint64_t wall_ms, char text[PANDO_AWS_TIME_MS_SIZE]);
/* Reads "20261124T000000Z". 0 or PANDO_ERR_SYNTAX. */
int pando_aws_time_parse_compact(const char *text, int64_t *ret_wall_s);
/* Reads an ISO 8601 duration of weeks, days, hours, minutes and whole seconds: "P1DT1H1M1S", "PT5M", "P1W". Years and months, which
 * have no fixed length, are refused. 0 or PANDO_ERR_SYNTAX: also when it is nothing, or over a thousand years. */
int pando_aws_duration_parse(const char *text, uint64_t *ret_ms);

#endif
