/* Why: collector/row_builder.h: image (unwind_image.c) -> each function's information checked (cfi_check.c) -> rules (row_rules.c)
 * -> table (row_table.c). Context: worker. */
#include "collector/row_builder.h"

#include <stdlib.h>

#include "base/error.h"
#include "collector/row_rules.h"
#include "collector/row_table.h"
#include "collector/unwind_image.h"

enum { SCAN_PASSES = 2, SCAN_SLACK_BYTES = 64 }; /* a good image is looked through once */

struct pando_row_builder {
    struct pando_row_rules *rules;
};

/* One object's build. */
struct build {
    const struct pando_unwind_image *image;
    uint64_t bias;
    struct pando_row_table table;
    uint64_t limit;       /* address: where the function that is being added ends */
    uint32_t functions, refused;
};

struct pando_row_builder *pando_row_builder_new(void)
{
    struct pando_row_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL)
        return NULL;
    builder->rules = pando_row_rules_new();
    if (builder->rules != NULL)
        return builder;
    free(builder);
    return NULL;
}

void pando_row_builder_free(struct pando_row_builder *builder)
{
    if (builder == NULL)
        return;
    pando_row_rules_free(builder->rules);
    free(builder);
}

static int on_rule(void *context, uint64_t from, uint64_t to, const struct pando_rule *rule)
{
    struct build *build = context;
    /* What lies before is another function's (or was told already, if the information goes back and forth). */
    uint64_t done = build->table.row_count != 0 ? build->table.end + build->bias : 0;
    from = from < done ? done : from;
    to = to < build->limit ? to : build->limit;
    return pando_row_table_add(&build->table, from - build->bias, to - build->bias, rule);
}

/* Adds the function with number `i`. A function that is refused has no rules: NONE for all of its range, also for what libunwind
 * told before it gave up, if it did. */
static int add_function(struct pando_row_builder *builder, struct build *build, const struct pando_cfi_function *function,
                        uint64_t entry)
{
    struct pando_row_table *table = &build->table;
    struct pando_row_table before = *table;
    int error = pando_row_rules_of(builder->rules, function->start, entry, on_rule, build);
    if (error != PANDO_ERR_SYNTAX)
        return error;
    build->refused++;
    if (table->row_count != before.row_count || table->end != before.end) {
        table->row_count = before.row_count;
        table->end = before.end;
        table->first_offset = before.first_offset;
    }
    return 0;
}

static int add_functions(struct pando_row_builder *builder, struct build *build)
{
    const struct pando_unwind_image *image = build->image;
    uint64_t scan_left = (uint64_t)image->frame.len_bytes * SCAN_PASSES + (uint64_t)image->function_count * SCAN_SLACK_BYTES;
    struct pando_cfi_cie cie = {0};
    int error = 0;
    for (uint32_t i = 0; i < image->function_count && error == 0; i++) {
        struct pando_cfi_function function;
        uint64_t entry = image->frame.address + image->functions[i].entry;
        bool good = pando_cfi_check(&image->frame, entry, &cie, &function) == 0 &&
                    function.start == image->code_start + image->functions[i].start && function.end <= image->code_end;
        if (function.scanned_bytes > scan_left)
            return PANDO_ERR_SYNTAX;
        scan_left -= function.scanned_bytes;
        build->functions++;
        if (!good) {
            build->refused++;
            continue;
        }
        build->limit = function.end;
        if (i + 1 < image->function_count && image->code_start + image->functions[i + 1].start < build->limit)
            build->limit = image->code_start + image->functions[i + 1].start;
        error = add_function(builder, build, &function, entry);
    }
    return error;
}

int pando_row_builder_build(struct pando_row_builder *builder, uint64_t header_address, uint64_t bias,
                            size_t memory_limit_bytes, struct pando_rows **ret_rows)
{
    struct pando_unwind_image image;
    int error = pando_unwind_image_read(&image, header_address, bias);
    bool with_rbx = false, again;
    do {
        struct build build = {.image = &image, .bias = bias,
                              .table = {.limit_bytes = memory_limit_bytes, .with_rbx = with_rbx}};
        struct pando_rows *rows = NULL;
        again = false;
        if (error == 0) {
            pando_row_rules_use(builder->rules, &image);
            error = add_functions(builder, &build);
        }
        if (error == 0 && build.table.needs_rbx && !with_rbx)
            again = with_rbx = true;
        else if (error == 0)
            error = pando_row_table_pack(&build.table, &rows);
        if (rows != NULL) {
            rows->functions = build.functions;
            rows->functions_refused = build.refused;
            *ret_rows = rows;
        }
        pando_row_table_release(&build.table);
    } while (again);
    pando_unwind_image_release(&image);
    return error;
}
