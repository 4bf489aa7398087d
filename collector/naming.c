/* Why: collector/naming.h. Context: worker; one owner. */
#include "collector/naming.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"

enum {
    BATCH_MIN = 64,           /* frames that are worth opening debug information for */
    BUDGET_PART = 2,          /* of the budget: the rest is for sampling */
    LOOKS_BETWEEN_CLOCKS = 8,
    OPEN_PS_PER_BYTE = 1500,  /* what reading a byte of debug information takes that is not packed (docs/symbols.md) */
};

static const uint64_t WAIT_MAX_NS = UINT64_C(3000000000);
static const int64_t CREDIT_MAX_NS = INT64_C(300000000);

void pando_naming_init(struct pando_naming *naming, struct pando_symbols *symbols, uint32_t budget_percent)
{
    naming->symbols = symbols;
    naming->budget_percent = budget_percent;
    naming->next_frame = naming->count = naming->done = 0;
    naming->credit_ns = 0;
    naming->has_refused = false;
    naming->waits_since_mono_ns = 0;
    naming->process_cpu_ns = 0; /* what the program has used up to now counts, too */
}

static void earn(struct pando_naming *naming)
{
    uint64_t now = pando_clock_process_cpu_ns();
    naming->credit_ns += (int64_t)((now - naming->process_cpu_ns) * naming->budget_percent / (100 * BUDGET_PART));
    naming->process_cpu_ns = now;
    if (naming->credit_ns > CREDIT_MAX_NS)
        naming->credit_ns = CREDIT_MAX_NS;
}

static int by_place(const void *a, const void *b)
{
    const struct pando_symbols_place *x = a, *y = b;
    if (x->object != y->object)
        return x->object < y->object ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Objects one after the other, so that not more of them are open than must be. */
static void take_batch(struct pando_naming *naming, const struct pando_call_tree *tree)
{
    uint32_t frames = pando_call_tree_frame_count(tree);
    naming->count = naming->done = 0;
    while (naming->next_frame < frames && naming->count < PANDO_NAMING_BATCH) {
        struct pando_call_frame frame = pando_call_tree_frame(tree, naming->next_frame++);
        if (frame.object != PANDO_CALL_OBJECT_OWN && frame.object != 0)
            naming->batch[naming->count++] = (struct pando_symbols_place){.offset = frame.offset, .object = frame.object};
    }
    naming->waits_since_mono_ns = 0;
    if (naming->count != 0)
        qsort(naming->batch, naming->count, sizeof naming->batch[0], by_place);
}

/* What may be opened with the credit there is. One that is full cannot grow: then anything, and what is used too much is owed. */
static size_t open_limit(const struct pando_naming *naming)
{
    return naming->credit_ns < CREDIT_MAX_NS ? (size_t)naming->credit_ns * 1000 / OPEN_PS_PER_BYTE : SIZE_MAX;
}

/* Looks up the rest of the batch, as far as the credit allows. Returns how many could not be looked up. */
static uint64_t work(struct pando_naming *naming)
{
    uint64_t start = pando_clock_thread_cpu_ns(), refused = 0;
    while (naming->done < naming->count && naming->credit_ns > 0) {
        int error = pando_symbols_find_lines(naming->symbols, &naming->batch[naming->done++], open_limit(naming));
        refused += error != 0 && error != PANDO_ERR_NOT_FOUND ? 1 : 0;
        if (naming->done % LOOKS_BETWEEN_CLOCKS != 0 && naming->done != naming->count)
            continue;
        uint64_t now = pando_clock_thread_cpu_ns();
        naming->credit_ns -= (int64_t)(now - start);
        start = now;
    }
    naming->has_refused = naming->has_refused || refused != 0;
    return refused;
}

/* Whether enough has come together, or something has waited long enough. */
static bool is_due(struct pando_naming *naming, const struct pando_call_tree *tree)
{
    uint32_t waiting = pando_call_tree_frame_count(tree) - naming->next_frame;
    uint64_t now = pando_clock_mono_ns();
    if (waiting == 0)
        return false;
    if (naming->waits_since_mono_ns == 0)
        naming->waits_since_mono_ns = now;
    return waiting >= BATCH_MIN || now - naming->waits_since_mono_ns > WAIT_MAX_NS;
}

void pando_naming_turn(struct pando_naming *naming, const struct pando_call_tree *tree)
{
    if (naming->budget_percent == 0)
        return;
    earn(naming);
    if (naming->credit_ns <= 0)
        return;
    bool is_idle = naming->done == naming->count;
    if (is_idle && is_due(naming, tree))
        take_batch(naming, tree);
    work(naming);
    if (!is_idle && naming->done == naming->count)
        pando_symbols_close_all_lines(naming->symbols); /* its memory is worth more than opening it again */
}

uint64_t pando_naming_finish(struct pando_naming *naming, const struct pando_call_tree *tree)
{
    uint32_t frames = pando_call_tree_frame_count(tree);
    uint64_t left_out = 0;
    if (naming->budget_percent != 0) {
        earn(naming);
        if (naming->has_refused) /* those that are known already cost next to nothing */
            naming->next_frame = naming->count = naming->done = 0;
        left_out = work(naming);
        while (naming->done == naming->count && naming->next_frame < frames && naming->credit_ns > 0) {
            take_batch(naming, tree);
            left_out += work(naming);
        }
        left_out += naming->count - naming->done + (frames - naming->next_frame);
        pando_symbols_close_all_lines(naming->symbols);
    }
    naming->next_frame = naming->count = naming->done = 0;
    naming->has_refused = false;
    naming->waits_since_mono_ns = 0;
    return left_out;
}
