/* Why: agent/walk_trail.h. Context: as there; calls nothing. */
#include "agent/walk_trail.h"

#include <stddef.h>

#include "agent/walk_frames.h"
#include "agent/walk_memory.h"
#include "agent/walker.h"

enum { MARKS = PANDO_WALK_TRAIL_MARKS };

void pando_walk_trail_begin(struct pando_walk_place *place, const struct pando_walk *walk)
{
    struct pando_walk_trail *trail = walk->trail;
    *place = (struct pando_walk_place){0};
    if (trail == NULL || walk->objects == NULL || walk->objects->serial == 0 ||
        walk->memory.low >= walk->memory.high)
        return;
    if (trail->serial != walk->objects->serial) {
        trail->serial = walk->objects->serial;
        trail->first = MARKS;
        trail->first_code = NULL;
    }
    place->trail = trail;
    place->at = trail->first;
}

static bool is_state(const struct pando_walk_mark *mark, const struct pando_walk *walk)
{
    return mark->rsp == walk->registers[PANDO_WALK_RSP] && mark->rip == walk->registers[PANDO_WALK_RIP] &&
           mark->rbp == walk->registers[PANDO_WALK_RBP];
}

/* Whether the words that the mark's row names are as they were, so that its state is followed by the next mark's. They lie between
 * the two stack pointers: only the upper one has to be looked at. */
static bool leads_on(const struct pando_walk_mark *mark, uint64_t stack_high, uint64_t shift)
{
    const struct pando_walk_mark *next = mark + 1;
    if (mark->link < PANDO_WALK_LINK_RBP_SAME || next->rsp > stack_high || pando_walk_load(next->rsp - 8 + shift) != next->rip)
        return false;
    uint64_t words = mark->link - PANDO_WALK_LINK_RBP_SAME;
    return words == 0 || pando_walk_load(next->rsp - words * 8 + shift) == next->rbp;
}

/* From kept[at], in whose state the walk is, as far as the marks lead. */
static enum pando_walk_arrival follow(struct pando_walk_place *place, struct pando_walk *walk)
{
    struct pando_walk_trail *trail = place->trail;
    const struct pando_walk_mark *mark = &trail->kept[place->at], *begin = mark;
    uint64_t high = walk->memory.high, shift = (uint64_t)walk->memory.shift, *frame = walk->frames + walk->slot;
    uint32_t room = walk->frames_max - walk->slot - 1; /* so that the ring need not be looked at in between */
    if (room > walk->visits_max - walk->visited)
        room = walk->visits_max - walk->visited;
    if (room > MARKS - 1 - place->at)
        room = MARKS - 1 - place->at;
    for (const struct pando_walk_mark *end = mark + room; mark < end && leads_on(mark, high, shift); mark++)
        *frame++ = mark->rip;
    if (mark > begin && mark->link == PANDO_WALK_LINK_NONE)
        mark--; /* a state that no step has been made from may be in no code: that the walk finds out */
    uint32_t steps = (uint32_t)(mark - begin);
    walk->slot += steps;
    walk->visited += steps;
    uint32_t by_row = walk->methods.by_row + steps, remembered = walk->methods.remembered + steps;
    walk->methods.by_row = by_row < UINT16_MAX ? (uint16_t)by_row : UINT16_MAX;
    walk->methods.remembered = remembered < UINT8_MAX ? (uint8_t)remembered : UINT8_MAX;
    place->at += steps;
    if (mark->link == PANDO_WALK_LINK_END && walk->visited < walk->visits_max) {
        pando_walk_add_frame(walk, mark->rip);
        walk->end = PANDO_WALK_END_OUTERMOST;
        return PANDO_WALK_ARRIVED_AT_END;
    }
    if (steps == 0)
        return PANDO_WALK_ARRIVED;
    walk->registers[PANDO_WALK_RIP] = mark->rip;
    walk->registers[PANDO_WALK_RSP] = mark->rsp;
    walk->registers[PANDO_WALK_RBP] = mark->rbp;
    return PANDO_WALK_ARRIVED_FURTHER;
}

static void copy(struct pando_walk_mark *to, const struct pando_walk_mark *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = from[i];
}

/* The walk has left the marks behind kept[at]: what it has in common with them becomes its own. */
static void diverge(struct pando_walk_place *place, uint32_t link)
{
    struct pando_walk_trail *trail = place->trail;
    place->fresh_count = place->at - trail->first + 1;
    copy(trail->fresh, trail->kept + trail->first, place->fresh_count);
    trail->fresh[place->fresh_count - 1].link = place->is_here ? link : PANDO_WALK_LINK_NONE;
    place->at++;
    place->on_kept = false;
}

/* The fresh marks lead to kept[at]: they take the place of those before it. */
static void join(struct pando_walk_place *place)
{
    struct pando_walk_trail *trail = place->trail;
    uint32_t count = place->fresh_count < place->at ? place->fresh_count : place->at;
    copy(trail->kept + place->at - count, trail->fresh + place->fresh_count - count, count);
    trail->first = place->at - count;
    place->on_kept = place->is_here = true;
}

enum pando_walk_arrival pando_walk_trail_arrive(struct pando_walk_place *place, struct pando_walk *walk, bool is_plain_state,
                                                uint32_t link)
{
    struct pando_walk_trail *trail = place->trail;
    uint64_t rsp = walk->registers[PANDO_WALK_RSP];
    if (!is_plain_state || rsp < walk->memory.low || rsp >= walk->memory.high) {
        place->is_here = false;
        return PANDO_WALK_ARRIVED;
    }
    if (place->on_kept) {
        if (place->at + 1 < MARKS && is_state(&trail->kept[place->at + 1], walk)) {
            place->at++;
            place->is_here = true;
            return follow(place, walk);
        }
        if (place->at + 1 == MARKS && (trail->kept[place->at].link == PANDO_WALK_LINK_FULL || trail->first == 0)) {
            *place = (struct pando_walk_place){0};
            return PANDO_WALK_ARRIVED;
        }
        diverge(place, link);
    } else if (place->is_here) {
        trail->fresh[place->fresh_count - 1].link = link;
    }
    while (place->at < MARKS && trail->kept[place->at].rsp < rsp)
        place->at++;
    if (place->at < MARKS && is_state(&trail->kept[place->at], walk)) {
        join(place);
        return follow(place, walk);
    }
    if (place->fresh_count < MARKS) {
        trail->fresh[place->fresh_count++] = (struct pando_walk_mark){
            walk->registers[PANDO_WALK_RIP], rsp, walk->registers[PANDO_WALK_RBP], PANDO_WALK_LINK_NONE};
        place->is_here = true;
    } else { /* the rest is walked each time */
        trail->fresh[MARKS - 1].link = PANDO_WALK_LINK_FULL;
        place->is_here = false;
    }
    return PANDO_WALK_ARRIVED;
}

void pando_walk_trail_end(struct pando_walk_place *place)
{
    struct pando_walk_trail *trail = place->trail;
    if (place->is_here)
        (place->on_kept ? &trail->kept[place->at] : &trail->fresh[place->fresh_count - 1])->link = PANDO_WALK_LINK_END;
}

void pando_walk_trail_finish(struct pando_walk_place *place)
{
    struct pando_walk_trail *trail = place->trail;
    if (trail == NULL || place->on_kept)
        return;
    trail->first = MARKS - place->fresh_count;
    copy(trail->kept + trail->first, trail->fresh, place->fresh_count);
}
