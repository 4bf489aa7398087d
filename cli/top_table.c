/* Why: cli/top_table.h. Context: own process. */
#include "cli/top_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/terminal_text.h"

enum {
    NAME_BYTES = 1024,
    INDENT_MAX = 60, /* deeper calls are not indented further */
};

double pando_percent(uint64_t part, uint64_t whole)
{
    return whole != 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

/* "function  (object)", safe for a terminal. */
static void print_frame(FILE *out, const struct pando_profile *profile, uint32_t number)
{
    const struct pando_profile_frame *frame = &profile->frames[number];
    const char *name = profile->strings[frame->name], *object = profile->strings[frame->object];
    char safe[NAME_BYTES];
    pando_terminal_text(name[0] != '\0' ? name : "(nameless)", safe, sizeof safe);
    fputs(safe, out);
    if (object[0] != '\0' && name[0] != '[') {
        pando_terminal_text(object, safe, sizeof safe);
        fprintf(out, "  (%s)", safe);
    }
    fputc('\n', out);
}

int pando_top_table_print(FILE *out, const struct pando_profile *profile, const struct pando_weights *weights,
                          const char *clock, uint32_t limit)
{
    if (limit > PANDO_TOP_TABLE_MAX)
        limit = PANDO_TOP_TABLE_MAX;
    uint32_t *frames = calloc((size_t)limit + 1, sizeof *frames);
    if (frames == NULL)
        return PANDO_ERR_NO_MEMORY;
    uint32_t count = pando_weights_top(profile, weights, limit, frames);
    fprintf(out, "  self %%  total %%  self %s  function\n", clock);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t self = weights->frame_self[frames[i]];
        fprintf(out, "  %6.1f  %7.1f  %*.2f s  ", pando_percent(self, weights->total),
                pando_percent(weights->frame_total[frames[i]], weights->total), (int)strlen(clock) + 3, (double)self / 1e9);
        print_frame(out, profile, frames[i]);
    }
    free(frames);
    return 0;
}

/* For qsort, which passes no context: what is compared comes along. */
struct branch {
    uint64_t total;
    uint32_t node;
    uint32_t depth;
};

static int hotter_last(const void *a, const void *b)
{
    const struct branch *x = a, *y = b;
    if (x->total != y->total)
        return x->total < y->total ? -1 : 1;
    return (x->node < y->node) - (x->node > y->node);
}

/* Puts the children of `node` on the stack, the hottest last, so that it comes off first. */
static size_t push_children(const struct pando_weights *weights, struct branch *stack, size_t count,
                            struct branch parent, double min_percent)
{
    size_t first = count;
    for (uint32_t child = weights->first_child[parent.node]; child != 0; child = weights->next_sibling[child]) {
        uint64_t total = weights->node_total[child];
        if (total != 0 && pando_percent(total, weights->total) >= min_percent)
            stack[count++] = (struct branch){.total = total, .node = child, .depth = parent.depth + 1};
    }
    if (count - first > 1)
        qsort(stack + first, count - first, sizeof *stack, hotter_last);
    return count;
}

int pando_tree_print(FILE *out, const struct pando_profile *profile, const struct pando_weights *weights,
                     double min_percent)
{
    /* Each node is on the stack at most once. */
    struct branch *stack = malloc(((size_t)profile->node_count + 1) * sizeof *stack);
    if (stack == NULL)
        return PANDO_ERR_NO_MEMORY;
    fputs(" total %   self %  call tree\n", out);
    size_t count = profile->node_count == 0 ? 0 : push_children(weights, stack, 0, (struct branch){0}, min_percent);
    while (count != 0) {
        struct branch branch = stack[--count];
        const struct pando_profile_node *node = &profile->nodes[branch.node];
        uint32_t indent = branch.depth - 1 < INDENT_MAX ? branch.depth - 1 : INDENT_MAX;
        fprintf(out, "  %6.1f   %6.1f  %*s", pando_percent(branch.total, weights->total),
                pando_percent(node->self, weights->total), (int)indent, "");
        print_frame(out, profile, node->frame);
        count = push_children(weights, stack, count, branch, min_percent);
    }
    free(stack);
    return 0;
}
