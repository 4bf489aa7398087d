/* Why: every request has a span of its own: all of them would make the call tree as large as there are requests. Of each interval
 * a few are told apart: those whose trace's id is small enough, so that all processes choose the same traces. How small, is learnt
 * from how many there were in the interval before.
 * Context: worker; one owner, the aggregator. */
#ifndef PANDO_COLLECTOR_SPANS_H
#define PANDO_COLLECTOR_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include "exchange/sample.h"

enum {
    PANDO_SPANS_MAX = 16,            /* in an interval */
    PANDO_SPANS_SKETCH_BITS = 16384, /* to count how many there are: right to some percent up to about as many */
};

struct pando_spans {
    uint64_t threshold;              /* a trace is chosen when its hash is not above */
    uint32_t count;
    uint64_t spans[PANDO_SPANS_MAX][PANDO_SAMPLE_TRACE_WORDS];
    uint8_t sketch[PANDO_SPANS_SKETCH_BITS / 8];
};

void pando_spans_init(struct pando_spans *spans);
/* The span's number from 1; 0: it is not among the chosen ones. */
uint32_t pando_spans_find(struct pando_spans *spans, const uint64_t trace[PANDO_SAMPLE_TRACE_WORDS]);
/* Ends the interval: none is chosen any more, and the next interval's share is settled. */
void pando_spans_end_interval(struct pando_spans *spans);

#endif
