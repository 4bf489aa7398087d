/* Why: who was sampled, for the page to choose from: time by thread name, and by label. Slices are single threads with all their
 * labels; a server with a thousand of them has a handful of names.
 * Context: own process; the connection's thread. */
#include <stdlib.h>
#include <string.h>

#include "profile/json_writer.h"
#include "receiver/page_api.h"

enum { SHOWN_MAX = 200 }; /* of threads, and of labels; the lightest are left out, and counted */

struct line {
    const char *key, *value; /* key NULL: a thread's name is in value */
    uint64_t cpu, wall;
};

static int by_text(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    int order = a->key != NULL ? strcmp(a->key, b->key) : 0;
    return order != 0 ? order : strcmp(a->value, b->value);
}

static int by_weight(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    uint64_t x = a->cpu + a->wall, y = b->cpu + b->wall;
    return x != y ? (x < y ? 1 : -1) : by_text(left, right);
}

/* Lines of one text become one. Returns how many are left, the heaviest first. */
static size_t fold(struct line *lines, size_t count)
{
    size_t kept = 0;
    qsort(lines, count, sizeof *lines, by_text);
    for (size_t i = 0; i < count; i++) {
        if (kept != 0 && by_text(&lines[kept - 1], &lines[i]) == 0) {
            lines[kept - 1].cpu += lines[i].cpu;
            lines[kept - 1].wall += lines[i].wall;
        } else {
            lines[kept++] = lines[i];
        }
    }
    qsort(lines, kept, sizeof *lines, by_weight);
    return kept;
}

static void write_lines(struct pando_buffer *out, const char *name, struct line *lines, size_t count)
{
    size_t kept = fold(lines, count);
    pando_json_key(out, name);
    pando_buffer_append_char(out, '[');
    for (size_t i = 0; i < kept && i < SHOWN_MAX; i++) {
        pando_buffer_append_text(out, i != 0 ? ",{" : "{");
        if (lines[i].key != NULL) {
            pando_json_key(out, "key");
            pando_json_write_string(out, lines[i].key);
        }
        pando_json_key(out, "value");
        pando_json_write_string(out, lines[i].value);
        pando_json_member_uint(out, "cpuNs", pando_page_number(lines[i].cpu));
        pando_json_member_uint(out, "wallNs", pando_page_number(lines[i].wall));
        pando_buffer_append_char(out, '}');
    }
    pando_buffer_append_char(out, ']');
}

static void write_list(struct pando_buffer *out, const struct pando_slice_list *list)
{
    size_t label_count = 0;
    for (uint32_t i = 0; i < list->count; i++)
        label_count += list->slices[i].slice.label_count;
    struct line *threads = malloc((list->count + label_count) * sizeof *threads), *labels = threads + list->count;
    if (threads == NULL)
        return; /* the tree is worth more than the list of who is in it */
    size_t at = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct pando_slice_weight *from = &list->slices[i];
        threads[i] = (struct line){NULL, from->slice.thread, from->cpu, from->wall};
        for (uint32_t k = 0; k < from->slice.label_count; k++)
            labels[at++] = (struct line){from->slice.labels[k].key, from->slice.labels[k].value, from->cpu, from->wall};
    }
    write_lines(out, "threads", threads, list->count);
    write_lines(out, "labels", labels, label_count);
    free(threads);
}

void pando_page_write_slices(struct pando_buffer *out, const struct pando_profile *whole)
{
    struct pando_slice_list list;
    if (pando_profile_slice_list(whole, &list) != 0)
        return;
    if (list.count != 0)
        write_list(out, &list);
    pando_profile_slice_list_release(&list);
}
