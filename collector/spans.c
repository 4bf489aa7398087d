/* Why: collector/spans.h. Context: worker. */
#include "collector/spans.h"

#include <math.h>
#include <string.h>

/* Spreads bits evenly: ids are random by rule, but not everywhere. (The finalizer of SplitMix64.) */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

void pando_spans_init(struct pando_spans *spans)
{
    memset(spans, 0, sizeof *spans);
    spans->threshold = UINT64_MAX;
}

uint32_t pando_spans_find(struct pando_spans *spans, const uint64_t trace[PANDO_SAMPLE_TRACE_WORDS])
{
    uint64_t of_trace = mix(trace[0] ^ mix(trace[1])), of_span = mix(of_trace ^ trace[2]);
    uint32_t bit = (uint32_t)(of_span % PANDO_SPANS_SKETCH_BITS);
    spans->sketch[bit / 8] |= (uint8_t)(1u << bit % 8);
    if (of_trace > spans->threshold)
        return 0;
    for (uint32_t i = 0; i < spans->count; i++)
        if (memcmp(spans->spans[i], trace, sizeof spans->spans[i]) == 0)
            return i + 1;
    if (spans->count == PANDO_SPANS_MAX)
        return 0;
    memcpy(spans->spans[spans->count], trace, sizeof spans->spans[0]);
    return ++spans->count;
}

void pando_spans_end_interval(struct pando_spans *spans)
{
    uint32_t set = 0;
    for (uint32_t i = 0; i < sizeof spans->sketch; i++)
        set += (uint32_t)__builtin_popcount(spans->sketch[i]);
    /* How many different spans set so many bits, on the average; all bits set: more than can be told. */
    double bits = PANDO_SPANS_SKETCH_BITS, unset = set < PANDO_SPANS_SKETCH_BITS ? bits - set : 0.5;
    double seen = -bits * log(unset / bits), share = seen > PANDO_SPANS_MAX ? PANDO_SPANS_MAX / seen : 1.0;
    spans->threshold = share < 1.0 ? (uint64_t)(share * 18446744073709549568.0) : UINT64_MAX;
    spans->count = 0;
    memset(spans->sketch, 0, sizeof spans->sketch);
}
