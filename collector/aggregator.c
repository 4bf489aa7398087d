/* Why: collector/aggregator.h: the way of a sample from the ring into the tree, and of the tree into a profile.
 * Context: worker; one thread. docs/call-tree.md has the decisions. */
#include "collector/aggregator.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "collector/call_tree.h"
#include "collector/code_map.h"
#include "collector/naming.h"
#include "collector/own_maps.h"
#include "collector/sample_stack.h"
#include "collector/slice_table.h"
#include "collector/snapshot.h"

enum {
    TREE_LIMIT_BYTES = 10 << 20,
    SYMBOLS_LIMIT_BYTES = 32 << 20,
    ROWS_LIMIT_BYTES = 64 << 20,
    NAMES_LIMIT_BYTES = 16 << 20, /* frames and names of one profile */
    DEPTH_DEFAULT = 1000,
    DEPTH_MAX = PANDO_SAMPLE_STACK_MAX + 1,
};

struct pando_aggregator {
    struct pando_aggregator_config config;
    struct pando_symbols *symbols;
    struct pando_code_map *code_map;
    struct pando_call_tree *tree;
    struct pando_own_maps maps;
    struct pando_naming naming;
    uint64_t frames_without_lines;    /* that could not be looked up, of the interval that is being sealed */
    struct pando_slice_table *slices; /* NULL: none are told apart */
    uint64_t shipped[PANDO_COUNTERS]; /* their values at the last seal */

    /* The sample in hand: ready to be folded, in terms that stay valid. Between turns there is one only if the tree is full. */
    bool has_sample;
    uint64_t weight;
    struct pando_sample_owner owner; /* its trace is in words */
    uint32_t path_count, slice_at;   /* slice_at: where in the path its slice is */
    struct pando_call_frame path[DEPTH_MAX + 2]; /* outermost first; then its slice, and, of wall time, its state */
    struct pando_sample_stack stack;
    uint64_t words[PANDO_RING_RECORD_WORDS_MAX];
};

static void use_defaults(struct pando_aggregator_config *config)
{
    if (config->tree_limit_bytes == 0)
        config->tree_limit_bytes = TREE_LIMIT_BYTES;
    if (config->symbols_limit_bytes == 0)
        config->symbols_limit_bytes = SYMBOLS_LIMIT_BYTES;
    if (config->rows_limit_bytes == 0)
        config->rows_limit_bytes = ROWS_LIMIT_BYTES;
    if (config->depth_max == 0)
        config->depth_max = DEPTH_DEFAULT;
    if (config->depth_max > DEPTH_MAX)
        config->depth_max = DEPTH_MAX;
}

struct pando_aggregator *pando_aggregator_new(const struct pando_aggregator_config *config)
{
    struct pando_aggregator *aggregator = calloc(1, sizeof *aggregator);
    if (aggregator == NULL)
        return NULL;
    aggregator->config = *config;
    use_defaults(&aggregator->config);
    const struct pando_aggregator_config *own = &aggregator->config;
    aggregator->tree = pando_call_tree_new(own->tree_limit_bytes);
    aggregator->symbols = pando_symbols_new(own->symbols_limit_bytes);
    aggregator->code_map = pando_code_map_new(own->objects, own->counters, own->rows_limit_bytes);
    if (own->has_slices) {
        aggregator->slices = calloc(1, sizeof *aggregator->slices);
        if (aggregator->slices != NULL)
            pando_slice_table_init(aggregator->slices, own->slices_by_thread, own->label_sets, own->labels, own->counters);
    }
    if ((own->has_slices && aggregator->slices == NULL) || aggregator->tree == NULL || aggregator->symbols == NULL || aggregator->code_map == NULL) {
        pando_aggregator_free(aggregator);
        return NULL;
    }
    uint32_t budget_percent = own->lines_limit_bytes != 0 ? own->budget_percent : 0;
    if (budget_percent != 0 && pando_symbols_want_lines(aggregator->symbols, own->lines_limit_bytes, own->asks_debuginfod) != 0)
        budget_percent = 0;
    pando_naming_init(&aggregator->naming, aggregator->symbols, budget_percent);
    pando_own_maps_init(&aggregator->maps, own->maps_path, aggregator->symbols, aggregator->code_map, own->objects);
    return aggregator;
}

void pando_aggregator_free(struct pando_aggregator *aggregator)
{
    if (aggregator == NULL)
        return;
    if (aggregator->code_map != NULL)
        pando_code_map_free(aggregator->code_map);
    pando_symbols_free(aggregator->symbols);
    pando_call_tree_free(aggregator->tree);
    pando_own_maps_release(&aggregator->maps);
    free(aggregator->slices);
    free(aggregator);
}

void pando_aggregator_set_depth(struct pando_aggregator *aggregator, uint32_t depth_max)
{
    aggregator->config.depth_max = depth_max;
    use_defaults(&aggregator->config);
}

void pando_aggregator_rest(struct pando_aggregator *aggregator)
{
    pando_symbols_rest(aggregator->symbols);
}

uint64_t pando_aggregator_samples(const struct pando_aggregator *aggregator)
{
    return pando_call_tree_samples(aggregator->tree);
}

static void count_stack(struct pando_counters *counters, const struct pando_sample_stack *stack)
{
    static const enum pando_counter by_end[PANDO_WALK_END_KINDS] = {
        [PANDO_WALK_END_OUTERMOST] = PANDO_COUNT_STACKS_WHOLE,
        [PANDO_WALK_END_NO_ROWS] = PANDO_COUNT_STACKS_NO_ROWS,
        [PANDO_WALK_END_NO_RULE] = PANDO_COUNT_STACKS_NO_RULE,
        [PANDO_WALK_END_BAD_STACK] = PANDO_COUNT_STACKS_BAD_STACK,
        [PANDO_WALK_END_BAD_CODE] = PANDO_COUNT_STACKS_BAD_CODE,
        [PANDO_WALK_END_TOO_DEEP] = PANDO_COUNT_STACKS_TOO_DEEP,
    };
    pando_count(counters, PANDO_COUNT_SAMPLES_FOLDED);
    pando_count(counters, by_end[stack->walk_end]);
    if (stack->finished_late)
        pando_count(counters, PANDO_COUNT_STACKS_FINISHED_LATE);
    if ((stack->flags & PANDO_SAMPLE_TRUNCATED) != 0)
        pando_count(counters, PANDO_COUNT_STACKS_TRUNCATED);
    pando_count_add(counters, PANDO_COUNT_FRAMES_BY_ROW, stack->methods.by_row);
    pando_count_add(counters, PANDO_COUNT_FRAMES_REMEMBERED, stack->methods.remembered);
    pando_count_add(counters, PANDO_COUNT_FRAMES_BY_FRAME_POINTER, stack->methods.by_frame_pointer);
    pando_count_add(counters, PANDO_COUNT_FRAMES_BY_GUESS, stack->methods.by_guess);
}

/* Folds the sample in hand. 0: it is dealt with. PANDO_ERR_LIMIT: it stays in hand until the tree has been sealed. */
static int fold(struct pando_aggregator *aggregator)
{
    int error = pando_call_tree_add(aggregator->tree, aggregator->path, aggregator->path_count, aggregator->weight);
    if (error != 0 && pando_call_tree_samples(aggregator->tree) != 0)
        return PANDO_ERR_LIMIT;
    aggregator->has_sample = false;
    if (error == 0) {
        count_stack(aggregator->config.counters, &aggregator->stack);
    } else {
        pando_count(aggregator->config.counters, PANDO_COUNT_DROPPED_TREE_FULL);
        pando_call_tree_empty(aggregator->tree); /* of the nodes that were made before the limit was met */
    }
    return 0;
}

static struct pando_call_frame locate(struct pando_aggregator *aggregator, uint64_t address)
{
    struct pando_symbols_place place;
    int error = pando_symbols_locate(aggregator->symbols, address, &place);
    if (error != 0 && pando_own_maps_read_for_unknown(&aggregator->maps))
        pando_symbols_locate(aggregator->symbols, address, &place);
    return (struct pando_call_frame){.offset = place.offset, .object = place.object};
}

static struct pando_call_frame own_frame(unsigned which) /* enum pando_call_own */
{
    return (struct pando_call_frame){.offset = which, .object = PANDO_CALL_OBJECT_OWN};
}

/* The stack in hand becomes a path from the root: its outermost depth_max frames, below <Incomplete> if it is not whole; if it
 * does not fit, the last is <Truncated>. Time without a stack is <Unsampled>, below what is known. */
static void make_path(struct pando_aggregator *aggregator)
{
    struct pando_sample_stack *stack = &aggregator->stack;
    struct pando_call_frame *path = aggregator->path;
    uint32_t depth_max = aggregator->config.depth_max, count = 0;
    bool unsampled = (stack->flags & PANDO_SAMPLE_UNSAMPLED) != 0 && stack->frame_count + 1 < depth_max;
    bool whole = stack->walk_end == PANDO_WALK_END_OUTERMOST && (stack->frame_count != 0 || unsampled);
    uint32_t total = stack->frame_count + (whole ? 0 : 1);
    if (total > depth_max)
        stack->flags |= PANDO_SAMPLE_TRUNCATED;
    bool truncated = (stack->flags & PANDO_SAMPLE_TRUNCATED) != 0 && stack->frame_count != 0;
    uint32_t kept = total < depth_max ? total : depth_max;
    kept -= truncated ? 1 : 0;
    if (!whole && kept > 0)
        path[count++] = own_frame(PANDO_CALL_INCOMPLETE);
    for (uint32_t i = stack->frame_count; count < kept; i--)
        path[count++] = locate(aggregator, pando_sample_stack_address(stack, i - 1));
    if (truncated)
        path[count++] = own_frame(PANDO_CALL_TRUNCATED);
    if (unsampled)
        path[count++] = own_frame(PANDO_CALL_UNSAMPLED);
    aggregator->path_count = count;
}

/* Below the stack: whose it is, and what he was doing. */
static void end_path(struct pando_aggregator *aggregator, const struct pando_sample_record *record)
{
    aggregator->owner = (struct pando_sample_owner){
        .tid = record->origin.tid, .label_set = record->methods.label_set, .trace = record->trace};
    aggregator->slice_at = aggregator->path_count;
    if (aggregator->slices != NULL)
        aggregator->path[aggregator->path_count++] =
            own_frame(PANDO_CALL_SLICES + pando_slice_table_find(aggregator->slices, &aggregator->owner));
    if (record->head.state != PANDO_SAMPLE_CPU)
        aggregator->path[aggregator->path_count++] = own_frame(PANDO_CALL_STATES + record->head.state);
}

/* From the words of a record to a sample in hand. */
static void take_sample(struct pando_aggregator *aggregator, uint32_t word_count)
{
    struct pando_sample_record record;
    if (pando_sample_record_parse(aggregator->words, word_count, &record) != 0)
        pando_log(PANDO_LOG_ERROR, "a record of %u words makes no sense; counted as a stack without frames", word_count);
    if (record.head.kind == PANDO_SAMPLE_NAME) {
        if (aggregator->slices != NULL)
            pando_slice_table_name(aggregator->slices, record.origin.tid, (const char *)record.trace);
        return;
    }
    /* What was sampled before an unload must be looked up in the map from before it: the ring is in order, and handlers use no
     * rows from an unload on until there is a new list. So such a sample is the first for which the new map is right. */
    if (record.head.walk_end == PANDO_WALK_END_NO_ROWS || record.head.kind == PANDO_SAMPLE_RAW) {
        if (pando_own_maps_saw_unload(&aggregator->maps))
            pando_own_maps_read_after_unload(&aggregator->maps);
    }
    pando_sample_stack_make(&record, aggregator->code_map, &aggregator->stack);
    uint8_t end = aggregator->stack.walk_end;
    bool met_unknown_code = end == PANDO_WALK_END_NO_ROWS || end == PANDO_WALK_END_BAD_CODE;
    if (record.head.kind == PANDO_SAMPLE_RAW && met_unknown_code && pando_own_maps_read_for_unknown(&aggregator->maps))
        pando_sample_stack_make(&record, aggregator->code_map, &aggregator->stack);
    make_path(aggregator);
    end_path(aggregator, &record);
    aggregator->weight = record.origin.weight;
    aggregator->has_sample = true;
}

int pando_aggregator_turn(struct pando_aggregator *aggregator, uint32_t records_max, uint32_t *ret_taken)
{
    *ret_taken = 0;
    if (aggregator->has_sample && fold(aggregator) != 0)
        return PANDO_ERR_LIMIT;
    struct pando_own_maps *maps = &aggregator->maps;
    bool is_stale = !maps->was_read || pando_code_map_is_stale(aggregator->code_map);
    if (is_stale && !pando_own_maps_saw_unload(maps))
        pando_own_maps_read_for_unknown(maps);
    uint32_t taken = 0, word_count = 1;
    while (taken < records_max) {
        word_count = pando_ring_pop(aggregator->config.ring, aggregator->words);
        if (word_count == 0)
            break;
        *ret_taken = ++taken;
        take_sample(aggregator, word_count);
        if (aggregator->has_sample && fold(aggregator) != 0)
            return PANDO_ERR_LIMIT;
    }
    if (word_count == 0 && pando_own_maps_saw_unload(maps))
        pando_own_maps_read_after_unload(maps);
    pando_code_map_build_wanted(aggregator->code_map);
    pando_naming_turn(&aggregator->naming, aggregator->tree);
    pando_code_map_reclaim(aggregator->code_map);
    return 0;
}

/* Puts into the builder what the counters went up by, with `more` added, and notes in `now` what they stand at. */
static int put_counters(struct pando_aggregator *aggregator, struct pando_profile_builder *builder,
                        const uint64_t more[PANDO_COUNTERS], uint64_t now[PANDO_COUNTERS])
{
    for (int i = 0; i < PANDO_COUNTERS; i++) {
        now[i] = pando_counted(aggregator->config.counters, (enum pando_counter)i) + more[i];
        uint64_t increase = now[i] - aggregator->shipped[i];
        int error = increase == 0 ? 0 : pando_profile_builder_add_counter(builder, pando_counter_name((enum pando_counter)i),
                                                                           increase);
        if (error != 0)
            return error;
    }
    return 0;
}

/* Fills a new builder: tree, counters, metadata. */
static int fill(struct pando_aggregator *aggregator, struct pando_profile_builder *builder, uint64_t more[PANDO_COUNTERS],
                uint64_t now[PANDO_COUNTERS])
{
    /* Alone it has the one name that the service is known to take; next to real wall time that would be a lie. */
    const char *counter_name = aggregator->config.has_wall_time ? "CPU_TIME" : "WALL_TIME";
    int64_t string = pando_profile_builder_string(builder, counter_name, strlen(counter_name));
    if (string < 0)
        return (int)string;
    more[PANDO_COUNT_FRAMES_WITHOUT_LINES] = aggregator->frames_without_lines;
    int error = pando_snapshot_fill(builder, aggregator->tree, aggregator->symbols, aggregator->slices, NAMES_LIMIT_BYTES,
                                    &more[PANDO_COUNT_FRAMES_UNNAMED]);
    if (error == 0)
        error = put_counters(aggregator, builder, more, now);
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    meta->samples = pando_call_tree_samples(aggregator->tree);
    meta->counter_name = (uint32_t)string;
    return error;
}

struct pando_profile *pando_aggregator_seal(struct pando_aggregator *aggregator,
                                            void (*fill_meta)(void *context, struct pando_profile_builder *builder),
                                            void *context)
{
    if (pando_call_tree_samples(aggregator->tree) == 0)
        return NULL;
    uint64_t more[PANDO_COUNTERS] = {
        [PANDO_COUNT_INTERVALS_SEALED_EARLY] = aggregator->has_sample ? 1 : 0,
        [PANDO_COUNT_THREADS_UNNAMED] = aggregator->slices != NULL ? aggregator->slices->nameless_count : 0};
    uint64_t now[PANDO_COUNTERS];
    aggregator->frames_without_lines = pando_naming_finish(&aggregator->naming, aggregator->tree);
    size_t limit_bytes = pando_snapshot_builder_bytes(pando_call_tree_bytes(aggregator->tree), NAMES_LIMIT_BYTES);
    struct pando_profile_builder *builder = pando_profile_builder_new(limit_bytes);
    if (builder == NULL)
        return NULL;
    int error = fill(aggregator, builder, more, now);
    if (error != 0) {
        pando_log(PANDO_LOG_ERROR, "the interval cannot be sealed now: %s", pando_error_text(error));
        pando_profile_builder_free(builder);
        return NULL;
    }
    if (fill_meta != NULL)
        fill_meta(context, builder);
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    if (profile == NULL)
        return NULL;
    /* From here on nothing can fail: the samples are in the profile, and only there. */
    memcpy(aggregator->shipped, now, sizeof now);
    for (int i = 0; i < PANDO_COUNTERS; i++)
        pando_count_add(aggregator->config.counters, (enum pando_counter)i, more[i]);
    pando_call_tree_empty(aggregator->tree);
    pando_symbols_end_period(aggregator->symbols);
    if (aggregator->slices != NULL)
        pando_slice_table_end_interval(aggregator->slices);
    if (aggregator->has_sample && aggregator->slices != NULL)
        aggregator->path[aggregator->slice_at] =
            own_frame(PANDO_CALL_SLICES + pando_slice_table_find(aggregator->slices, &aggregator->owner));
    if (aggregator->has_sample)
        fold(aggregator);
    return profile;
}
