/* Why: exchange/ring.h. Context: push: signal handler; pop: the aggregator. No call, no allocation, no thread-local variable.
 *
 * Words in a circle, counted from the start of time: `head` is the first word that is not reserved, `tail` the first that is
 * not free again; word w lives in words[w mod capacity], so a record may lie across the wrap and no space is ever padded.
 *
 *            tail                                     head
 *   free ... | header | payload ... | header | ...    | free, all zero ...
 *
 * A writer reserves header and payload at once by moving head (compare-and-swap), copies, and commits by writing the header:
 * the length, which is not zero. The reader stands at tail, where always a header is: zero means "not yet". It copies the
 * record, zeroes each of its words, and only then frees them by moving tail. So every free word is zero, and wherever the
 * next lap's headers will be, they read "not yet" until they are written.
 *
 * The payload is plain memory on purpose: at any time it belongs to one writer or to the reader. The three hand-overs are
 *   commit -> reader's look at the header   (the payload is there)
 *   free   -> writer's look at tail         (the words are zero, and the reader is done with them)
 * and the second one passes on a third: whoever sees a tail also sees a head that is not behind it.
 * docs/ring.md has the argument at length; tests/mutation/ring_orders.py shows that each order is needed. */
#include "exchange/ring.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

enum {
    CACHE_LINE_BYTES = 64,
    RESERVE_TRIES_MAX = 64, /* a failed try means that another writer got in between; some 10 to 100 ns each */
};

struct pando_ring {
    /* Never changes after init. */
    uint64_t capacity_words;
    uint64_t mask;
    /* Writers'. */
    _Alignas(CACHE_LINE_BYTES) atomic_uint_least64_t head;
    /* The reader's; writers look at it. */
    _Alignas(CACHE_LINE_BYTES) atomic_uint_least64_t tail;
    /* Whose they are: see above. Headers are accessed atomically, everything else plainly. */
    _Alignas(CACHE_LINE_BYTES) uint64_t words[];
};

static bool is_capacity(uint32_t words)
{
    return words >= PANDO_RING_WORDS_MIN && words <= PANDO_RING_WORDS_MAX && (words & (words - 1)) == 0;
}

size_t pando_ring_bytes(uint32_t capacity_words)
{
    if (!is_capacity(capacity_words))
        return 0;
    return sizeof(struct pando_ring) + (size_t)capacity_words * sizeof(uint64_t);
}

struct pando_ring *pando_ring_init(void *memory, uint32_t capacity_words)
{
    if (memory == NULL || (uintptr_t)memory % CACHE_LINE_BYTES != 0 || !is_capacity(capacity_words))
        return NULL;
    struct pando_ring *ring = memory;
    ring->capacity_words = capacity_words;
    ring->mask = capacity_words - 1;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    return ring;
}

/* Words of all parts; 0 when there are none or more than a record may have. */
static inline uint32_t count_words(const struct pando_ring_part *parts, uint32_t part_count)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < part_count; i++) {
        total += parts[i].count;
        if (total > PANDO_RING_RECORD_WORDS_MAX)
            return 0;
    }
    return (uint32_t)total;
}

/* Moves head over `needed` words; *ret_start is the first of them. 0, LIMIT or BUSY. */
static inline int reserve(struct pando_ring *ring, uint64_t needed, uint64_t *ret_start)
{
    for (int tries = 0; tries < RESERVE_TRIES_MAX; tries++) {
        /* Acquire, with the release in pop: the reader's reads and zeroes of the words before tail come before ours.
         * Without it, our payload could be written while the reader still copies the old record out (torn), or be zeroed
         * afterwards (torn, or a commit lost, which stops the ring).
         * Tail before head: each tail is behind the head of its time, and the acquire makes us see at least that head. The
         * other way round, tail may have passed the head that we hold, and the room between them would be nonsense. */
        uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
        uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
        /* An old tail makes the ring look fuller than it is, or even than it can be (we were held up between the two loads,
         * and all went on by more than a lap). If tail stayed, it was so; if not, look again. When it stayed and more is used
         * than there is, someone overwrote our memory: refused. */
        uint64_t used = head - tail;
        if (used > ring->capacity_words || ring->capacity_words - used < needed) {
            if (atomic_load_explicit(&ring->tail, memory_order_relaxed) == tail)
                return PANDO_ERR_LIMIT;
            continue;
        }
        /* Relaxed: only the atomicity counts, two writers never get the same words (positions never come again, so neither
         * does a value of head). Nobody reads other memory on the strength of head. Weak: the bound is our own. */
        if (atomic_compare_exchange_weak_explicit(&ring->head, &head, head + needed, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            *ret_start = head;
            return 0;
        }
    }
    return PANDO_ERR_BUSY;
}

int pando_ring_push(struct pando_ring *ring, const struct pando_ring_part *parts, uint32_t part_count)
{
    uint32_t length = count_words(parts, part_count);
    if (length == 0)
        return PANDO_ERR_INVALID;
    uint64_t start;
    int error = reserve(ring, 1 + (uint64_t)length, &start);
    if (error != 0)
        return error;

    uint64_t mask = ring->mask;
    uint64_t at = start + 1;
    for (uint32_t i = 0; i < part_count; i++)
        for (uint32_t j = 0; j < parts[i].count; j++)
            ring->words[at++ & mask] = parts[i].words[j];
    /* Release, with the acquire in pop: the payload comes before the header. Without it, the reader finds the header and
     * takes words that are not there yet; they would turn up later, in words that it has freed. */
    __atomic_store_n(&ring->words[start & mask], (uint64_t)length, __ATOMIC_RELEASE);
    return 0;
}

uint32_t pando_ring_pop(struct pando_ring *ring, uint64_t *words)
{
    /* Relaxed: the reader alone moves tail. (A new reader on another thread is started after the old one ended.) */
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t mask = ring->mask;
    /* Acquire, with the release in push: the payload is read after the header. Without it, words could be taken (and zeroed)
     * before the writer has put them there. */
    uint64_t length = __atomic_load_n(&ring->words[tail & mask], __ATOMIC_ACQUIRE);
    /* None, or not one of ours: someone overwrote our memory. Then the ring stays as it is, fills, and refuses. */
    if (length == 0 || length > PANDO_RING_RECORD_WORDS_MAX)
        return 0;

    for (uint64_t i = 0; i < length; i++) {
        uint64_t *word = &ring->words[(tail + 1 + i) & mask];
        words[i] = *word;
        *word = 0;
    }
    ring->words[tail & mask] = 0;
    /* Release, with the acquire in push: what we did to these words is done before they are given away. Without it, the next
     * writer's words mix with our copy, or our zeroes wipe out its record. */
    atomic_store_explicit(&ring->tail, tail + 1 + length, memory_order_release);
    return (uint32_t)length;
}

uint32_t pando_ring_used_words(const struct pando_ring *ring)
{
    /* Relaxed, and so perhaps of different moments: kept within what is possible. */
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head < tail)
        return 0;
    return (uint32_t)(head - tail < ring->capacity_words ? head - tail : ring->capacity_words);
}

uint32_t pando_ring_capacity_words(const struct pando_ring *ring)
{
    return (uint32_t)ring->capacity_words;
}
