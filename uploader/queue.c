/* Why: uploader/queue.h. Context: worker, under the uploader's lock. */
#include "uploader/queue.h"

static struct pando_payload *remove_after(struct pando_queue *queue, struct pando_payload *before)
{
    struct pando_payload **link = before != NULL ? &before->next : &queue->head;
    struct pando_payload *payload = *link;
    if (payload == NULL)
        return NULL;
    *link = payload->next;
    if (queue->tail == payload)
        queue->tail = before;
    queue->count--;
    queue->bytes -= payload->len_bytes;
    payload->next = NULL;
    return payload;
}

static bool has_room(const struct pando_queue *queue, size_t len_bytes)
{
    return queue->count < queue->limit_payloads && len_bytes <= queue->limit_bytes &&
           queue->bytes <= queue->limit_bytes - len_bytes;
}

static void append(struct pando_queue *queue, struct pando_payload *payload)
{
    if (queue->tail != NULL)
        queue->tail->next = payload;
    else
        queue->head = payload;
    queue->tail = payload;
    queue->count++;
    queue->bytes += payload->len_bytes;
}

struct pando_payload *pando_queue_push(struct pando_queue *queue, struct pando_payload *payload)
{
    struct pando_payload *dropped = NULL, **dropped_end = &dropped;
    payload->next = NULL;
    struct pando_payload *busy = queue->head_busy ? queue->head : NULL;
    size_t busy_bytes = busy != NULL ? busy->len_bytes : 0;
    /* What can never fit must not push others out first. */
    if (payload->len_bytes > queue->limit_bytes - busy_bytes || (busy != NULL && queue->limit_payloads < 2))
        return payload;
    while (!has_room(queue, payload->len_bytes)) {
        *dropped_end = remove_after(queue, busy);
        if (*dropped_end == NULL)
            return payload; /* a limit of no payloads at all */
        dropped_end = &(*dropped_end)->next;
    }
    append(queue, payload);
    return dropped;
}

struct pando_payload *pando_queue_pop(struct pando_queue *queue)
{
    queue->head_busy = false;
    return remove_after(queue, NULL);
}

void pando_queue_rotate(struct pando_queue *queue)
{
    struct pando_payload *head = remove_after(queue, NULL);
    if (head != NULL)
        append(queue, head);
}
