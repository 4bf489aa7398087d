// link: pando_exchange pando_base
/* The ring by itself: after each operation all of its memory is compared with a plain queue (what is in use is what was pushed,
 * what is free is zero). Then under load: writers that do not wait and are interrupted by writers, against one reader.
 * To be run plainly, under ASan + UBSan, and under TSan. What may happen in theory: tests/model, tests/mutation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "exchange/ring.h"

enum { CAPACITY = PANDO_RING_WORDS_MIN, RECORD_MAX = PANDO_RING_RECORD_WORDS_MAX };

/* Where things are in the ring's memory: head and tail on the second and third cache line, the words at the end. */
enum { HEAD_WORD = 8, TAIL_WORD = 16 };

static uint64_t scratch[RECORD_MAX + 1], popped[RECORD_MAX];

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

/* ---- A ring beside a queue that cannot be wrong. ---- */

struct twin {
    struct pando_ring *ring;
    uint64_t *memory, *words;
    uint64_t *queue; /* word w of all time at queue[w - base]; headers too */
    uint64_t head, tail, queue_words;
};

static struct twin twin_new(void)
{
    struct twin twin = {.queue_words = 8 * CAPACITY};
    size_t bytes = pando_ring_bytes(CAPACITY);
    twin.memory = aligned_alloc(64, bytes);
    memset(twin.memory, 0, bytes);
    twin.ring = pando_ring_init(twin.memory, CAPACITY);
    assert_non_null(twin.ring);
    twin.words = twin.memory + bytes / 8 - CAPACITY;
    twin.queue = calloc(twin.queue_words, 8);
    return twin;
}

static void twin_destroy(struct twin *twin)
{
    free(twin->memory);
    free(twin->queue);
}

/* All of the ring's memory. */
static void twin_check(struct twin *twin)
{
    assert_int_equal(pando_ring_used_words(twin->ring), twin->head - twin->tail);
    assert_int_equal(twin->memory[HEAD_WORD], twin->head);
    assert_int_equal(twin->memory[TAIL_WORD], twin->tail);
    for (uint64_t w = twin->tail; w < twin->tail + CAPACITY; w++) {
        uint64_t expected = w < twin->head ? twin->queue[w % twin->queue_words] : 0;
        if (twin->words[w % CAPACITY] != expected)
            fail_msg("word %ju is %jx, not %jx", (uintmax_t)w, (uintmax_t)twin->words[w % CAPACITY], (uintmax_t)expected);
    }
}

/* Pushes `length` words in parts that end at the cuts; what comes back must be what the queue says. */
static int twin_push(struct twin *twin, uint32_t length, uint32_t cut1, uint32_t cut2)
{
    static uint64_t seed;
    for (uint32_t i = 0; i < length && i <= RECORD_MAX; i++)
        scratch[i] = mix(++seed) | 1;
    struct pando_ring_part parts[] = {
        {scratch, cut1}, {scratch + cut1, cut2 - cut1}, {NULL, 0}, {scratch + cut2, length - cut2}};
    int result = pando_ring_push(twin->ring, parts, 4);
    if (length == 0 || length > RECORD_MAX) {
        assert_int_equal(result, PANDO_ERR_INVALID);
    } else if (twin->head - twin->tail + 1 + length > CAPACITY) {
        assert_int_equal(result, PANDO_ERR_LIMIT);
    } else {
        assert_int_equal(result, 0);
        twin->queue[twin->head++ % twin->queue_words] = length;
        for (uint32_t i = 0; i < length; i++)
            twin->queue[twin->head++ % twin->queue_words] = scratch[i];
    }
    return result;
}

static uint32_t twin_pop(struct twin *twin)
{
    memset(popped, 0xee, sizeof popped);
    uint32_t length = pando_ring_pop(twin->ring, popped);
    uint64_t expected = twin->tail == twin->head ? 0 : twin->queue[twin->tail % twin->queue_words];
    assert_int_equal(length, expected);
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(popped[i], twin->queue[(twin->tail + 1 + i) % twin->queue_words]);
    for (uint32_t i = length; i < RECORD_MAX; i++)
        assert_int_equal(popped[i], 0xeeeeeeeeeeeeeeee); /* untouched */
    twin->tail += length == 0 ? 0 : 1 + length;
    return length;
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(pando_ring_bytes(0), 0);
    assert_int_equal(pando_ring_bytes(CAPACITY / 2), 0);
    assert_int_equal(pando_ring_bytes(CAPACITY + 1), 0);
    assert_int_equal(pando_ring_bytes(3 * CAPACITY), 0);
    assert_int_equal(pando_ring_bytes(2u * PANDO_RING_WORDS_MAX), 0);
    assert_int_equal(pando_ring_bytes(1u << 31), 0);
    for (uint32_t words = CAPACITY; words <= PANDO_RING_WORDS_MAX; words *= 2) {
        assert_true(pando_ring_bytes(words) >= 8 * (size_t)words + 192);
        assert_true(pando_ring_bytes(words) <= 8 * (size_t)words + 256);
        assert_int_equal(pando_ring_bytes(words) % 64, 0);
    }
    struct twin twin = twin_new();
    assert_null(pando_ring_init(NULL, CAPACITY));
    assert_null(pando_ring_init((char *)twin.memory + 8, CAPACITY));
    assert_null(pando_ring_init(twin.memory, CAPACITY - 1));
    assert_int_equal(pando_ring_capacity_words(twin.ring), CAPACITY);
    twin_check(&twin);
    twin_destroy(&twin);
}

static void refuses_what_is_no_record(void **state)
{
    (void)state;
    struct twin twin = twin_new();
    struct pando_ring_part huge[] = {{scratch, UINT32_MAX}, {scratch, UINT32_MAX}, {scratch, 3}};
    assert_int_equal(pando_ring_push(twin.ring, NULL, 0), PANDO_ERR_INVALID);
    assert_int_equal(pando_ring_push(twin.ring, huge, 1), PANDO_ERR_INVALID);
    assert_int_equal(pando_ring_push(twin.ring, huge, 3), PANDO_ERR_INVALID);
    huge[1].count = 1; /* the sum of the first two is 0 in 32 bits */
    assert_int_equal(pando_ring_push(twin.ring, huge, 2), PANDO_ERR_INVALID);
    twin_push(&twin, 0, 0, 0);
    twin_push(&twin, RECORD_MAX + 1, 1, 2);
    twin_check(&twin);
    twin_push(&twin, RECORD_MAX, 1, RECORD_MAX);
    twin_check(&twin);
    twin_pop(&twin);
    twin_check(&twin);
    twin_destroy(&twin);
}

static void wraps_at_every_offset(void **state)
{
    (void)state;
    struct twin twin = twin_new();
    for (uint32_t offset = 0; offset < CAPACITY; offset++) {
        assert_int_equal(twin.tail % CAPACITY, offset);
        /* One record over the wrap (from offset 4096 on), cut at the wrap and before, and two after it. */
        uint32_t to_wrap = CAPACITY - offset, length = to_wrap < RECORD_MAX - 40 ? to_wrap + 40 : RECORD_MAX - 2;
        twin_push(&twin, length, to_wrap < length ? to_wrap / 2 : 7, to_wrap < length ? to_wrap : 7);
        twin_push(&twin, 1, 0, 1);
        twin_push(&twin, 2, 1, 1);
        twin_check(&twin);
        while (twin_pop(&twin) != 0)
            twin_check(&twin);
        /* On to the next offset. */
        uint64_t target = (twin.tail / CAPACITY + (twin.tail % CAPACITY > offset)) * CAPACITY + offset + 1;
        while (target - twin.tail > RECORD_MAX + 3 || target - twin.tail == RECORD_MAX + 2) {
            twin_push(&twin, RECORD_MAX, 0, 0);
            twin_pop(&twin);
        }
        while (target != twin.tail) {
            if (target - twin.tail == 1) /* a record has two words at least: go round once more */
                target += CAPACITY;
            uint64_t step = target - twin.tail < RECORD_MAX + 1 ? target - twin.tail : RECORD_MAX - 1;
            twin_push(&twin, (uint32_t)step - 1, 0, 0);
            twin_pop(&twin);
        }
    }
    twin_destroy(&twin);
}

/* Fills `room` words exactly. */
static void twin_fill(struct twin *twin, uint32_t room)
{
    while (room > 0) {
        uint32_t taken = room < RECORD_MAX + 1 ? room : RECORD_MAX + 1;
        if (room - taken == 1) /* no record has one word */
            taken--;
        assert_int_equal(twin_push(twin, taken - 1, 0, 0), 0);
        room -= taken;
    }
}

static void fills_to_the_last_word(void **state)
{
    (void)state;
    struct twin twin = twin_new();
    for (uint32_t first = 1; first <= RECORD_MAX; first += 13) {
        for (uint32_t left = 0; left < 2; left++) { /* words in which nothing fits */
            assert_int_equal(twin_push(&twin, first, 0, first), 0);
            twin_fill(&twin, CAPACITY - 1 - first - left);
            twin_check(&twin);
            assert_int_equal(pando_ring_used_words(twin.ring), CAPACITY - left);
            assert_int_equal(twin_push(&twin, 1, 0, 0), PANDO_ERR_LIMIT);
            assert_int_equal(twin_push(&twin, RECORD_MAX, 0, 0), PANDO_ERR_LIMIT);
            twin_check(&twin);
            assert_int_equal(twin_pop(&twin), first);
            assert_int_equal(twin_push(&twin, first + left, 0, 0), first + left <= RECORD_MAX ? 0 : PANDO_ERR_INVALID);
            twin_check(&twin);
            while (twin_pop(&twin) != 0) {
            }
            twin_check(&twin);
        }
    }
    twin_destroy(&twin);
}

static void random_traffic(void **state)
{
    (void)state;
    struct twin twin = twin_new();
    uint64_t refused = 0;
    for (uint64_t i = 0; i < 30000; i++) {
        uint64_t dice = mix(i * 77 + 5);
        /* Phases that fill and phases that empty it. */
        bool fills = (i / 200) % 2 == 0;
        if (dice % 8 < (fills ? 5 : 2)) {
            uint32_t length = (uint32_t)(dice >> 8) % ((dice >> 40) % 4 == 0 ? RECORD_MAX + 2 : 60);
            uint32_t cut1 = length == 0 ? 0 : (uint32_t)(dice >> 20) % (length + 1);
            uint32_t cut2 = cut1 + (length == cut1 ? 0 : (uint32_t)(dice >> 30) % (length - cut1 + 1));
            refused += twin_push(&twin, length, cut1, cut2) == PANDO_ERR_LIMIT;
        } else {
            twin_pop(&twin);
        }
        twin_check(&twin);
    }
    assert_true(refused > 100);
    twin_destroy(&twin);
}

static void an_abandoned_writer_stops_the_reader_but_no_writer(void **state)
{
    (void)state;
    struct twin twin = twin_new();
    twin_push(&twin, 10, 0, 0);
    uint64_t abandoned = twin.head;
    twin.memory[HEAD_WORD] += 6; /* a writer that reserved five words and a header, wrote two words, and is gone */
    twin.words[(abandoned + 1) % CAPACITY] = 1111;
    twin.words[(abandoned + 2) % CAPACITY] = 2222;
    uint64_t part_words[] = {5, 6, 7};
    struct pando_ring_part part = {part_words, 3};
    uint64_t pushed = 0;
    while (pando_ring_push(twin.ring, &part, 1) == 0)
        pushed++;
    assert_int_equal(pushed, (CAPACITY - 11 - 6) / 4);
    assert_int_equal(pando_ring_push(twin.ring, &part, 1), PANDO_ERR_LIMIT);
    assert_int_equal(twin_pop(&twin), 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(pando_ring_pop(twin.ring, popped), 0);
    /* It was only slow: it commits, and everything goes on. */
    for (uint64_t i = 1; i <= 5; i++)
        twin.words[(abandoned + i) % CAPACITY] = 1111 * i;
    twin.words[abandoned % CAPACITY] = 5;
    assert_int_equal(pando_ring_pop(twin.ring, popped), 5);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(popped[i], 1111 * (i + 1));
    for (uint64_t i = 0; i < pushed; i++) {
        assert_int_equal(pando_ring_pop(twin.ring, popped), 3);
        assert_memory_equal(popped, part_words, sizeof part_words);
    }
    assert_int_equal(pando_ring_pop(twin.ring, popped), 0);
    assert_int_equal(pando_ring_used_words(twin.ring), 0);
    twin_destroy(&twin);
}

/* A host that writes where it should not must not lead us to do the same. */
static void overwritten_memory_does_no_harm(void **state)
{
    (void)state;
    static const uint64_t damage[] = {RECORD_MAX + 1, CAPACITY, 1ull << 32, 1ull << 63, UINT64_MAX, 0x100000001};
    uint64_t part_words[] = {5, 6, 7};
    struct pando_ring_part part = {part_words, 3};
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        struct twin twin = twin_new();
        twin_push(&twin, 10, 0, 0);
        twin.words[0] = damage[i];
        memset(popped, 0xee, sizeof popped);
        assert_int_equal(pando_ring_pop(twin.ring, popped), 0);
        assert_int_equal(popped[0], 0xeeeeeeeeeeeeeeee);
        uint32_t pushed = 0;
        while (pando_ring_push(twin.ring, &part, 1) == 0)
            pushed++;
        assert_int_equal(pushed, (CAPACITY - 11) / 4);
        /* Head behind tail, or far ahead of it. */
        static const uint64_t heads[] = {5, 7 + CAPACITY, 1ull << 32, UINT64_MAX};
        for (int j = 0; j < 4; j++) {
            twin.memory[HEAD_WORD] = heads[j];
            twin.memory[TAIL_WORD] = 6;
            assert_int_equal(pando_ring_push(twin.ring, &part, 1), PANDO_ERR_LIMIT);
            assert_true(pando_ring_used_words(twin.ring) <= CAPACITY);
        }
        twin_destroy(&twin);
    }
}

/* ---- Load. ---- */

enum { WRITERS = 4, SOURCES_MAX = 2 * WRITERS + 1 };

struct source { /* one writing context: a thread, or the handler that interrupts it */
    uint64_t number, next, accepted, accepted_sum, full, busy;
    uint64_t length_max;
};

struct load {
    struct pando_ring *ring;
    uint64_t records_each;
    struct source sources[SOURCES_MAX]; /* threads, then the handlers on them, then the handler on the reader */
    atomic_int writers_left;
    uint64_t taken[SOURCES_MAX], taken_sum[SOURCES_MAX];
    uint64_t last[SOURCES_MAX];
    uint64_t torn, out_of_order;
    bool with_signals;
};

static struct load load;
static _Thread_local struct source *interrupter; /* the source that the handler on this thread is */
static _Thread_local uint64_t record[RECORD_MAX], interrupter_record[RECORD_MAX];

static void push_next(struct source *source, uint64_t *words)
{
    uint64_t sequence = ++source->next, dice = mix(sequence * SOURCES_MAX + source->number);
    uint64_t limit = dice % 64 == 0 ? source->length_max : 40;
    uint32_t length = 2 + (uint32_t)((dice >> 16) % (limit - 1));
    words[0] = source->number;
    words[1] = sequence;
    for (uint32_t i = 2; i < length; i++)
        words[i] = dice + i;
    uint32_t cut = (uint32_t)(dice >> 40) % (length + 1);
    struct pando_ring_part parts[] = {{words, cut}, {words + cut, length - cut}};
    int result = pando_ring_push(load.ring, parts, 2);
    if (result == 0) {
        source->accepted++;
        source->accepted_sum += sequence;
    } else if (result == PANDO_ERR_LIMIT) {
        source->full++;
    } else if (result == PANDO_ERR_BUSY) {
        source->busy++;
    } else {
        abort();
    }
}

static void on_timer(int signal_number)
{
    (void)signal_number;
    if (interrupter != NULL)
        push_next(interrupter, interrupter_record);
}

static timer_t interrupt_me_ns(long interval_ns)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    timer_t timer;
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
#ifdef __SANITIZE_THREAD__
    interval_ns *= 20; /* a signal costs it much */
#endif
    struct itimerspec spec = {{0, interval_ns}, {0, interval_ns}};
    assert_int_equal(timer_settime(timer, 0, &spec, NULL), 0);
    return timer;
}

static void *write_records(void *arg)
{
    struct source *source = arg;
    timer_t timer = NULL;
    if (load.with_signals) {
        interrupter = source + WRITERS;
        timer = interrupt_me_ns(20000 + 1000 * (long)source->number);
    }
    for (uint64_t i = 0; i < load.records_each; i++) {
        uint64_t refused = source->full;
        push_next(source, record);
        if (source->full != refused)
            sched_yield(); /* or there would be little else than refusals */
    }
    if (load.with_signals) {
        timer_delete(timer);
        interrupter = NULL;
    }
    atomic_fetch_sub(&load.writers_left, 1);
    return NULL;
}

static void check_record(const uint64_t *words, uint32_t length)
{
    uint64_t source = words[0], sequence = words[1], dice = mix(sequence * SOURCES_MAX + source);
    if (length < 2 || source >= SOURCES_MAX) {
        load.torn++;
        return;
    }
    uint64_t limit = dice % 64 == 0 ? load.sources[source].length_max : 40;
    bool torn = length != 2 + (uint32_t)((dice >> 16) % (limit - 1));
    for (uint32_t i = 2; i < length; i++)
        torn |= words[i] != dice + i;
    load.torn += torn;
    load.out_of_order += sequence <= load.last[source];
    load.last[source] = sequence;
    load.taken[source]++;
    load.taken_sum[source] += sequence;
}

static void run_load(uint64_t records_each, uint64_t length_max, bool with_signals)
{
    size_t bytes = pando_ring_bytes(CAPACITY);
    void *memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    load = (struct load){.records_each = records_each, .with_signals = with_signals};
    load.ring = pando_ring_init(memory, CAPACITY);
    for (uint64_t i = 0; i < SOURCES_MAX; i++)
        load.sources[i] = (struct source){.number = i, .length_max = length_max};
    atomic_store(&load.writers_left, WRITERS);
    struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
    sigaction(SIGRTMIN, &action, NULL);
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_records, &load.sources[i]), 0);
    timer_t timer = NULL;
    if (with_signals) { /* the reader's thread is interrupted by a writer as well */
        interrupter = &load.sources[2 * WRITERS];
        timer = interrupt_me_ns(50000);
    }
    uint64_t records_taken = 0;
    for (;;) {
        bool last_round = atomic_load(&load.writers_left) == 0;
        if (last_round && with_signals && interrupter != NULL) {
            timer_delete(timer);
            interrupter = NULL;
            continue;
        }
        uint32_t length = pando_ring_pop(load.ring, popped);
        if (length != 0)
            check_record(popped, length);
        else if (last_round)
            break;
        else
            sched_yield();
        if (length != 0 && ++records_taken % 500 == 0) { /* the reader is late now and then, so that the ring is full */
            for (int i = 0; i < 2000 && pando_ring_used_words(load.ring) < CAPACITY - 40; i++)
                sched_yield();
        }
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);

    uint64_t accepted = 0, full = 0, busy = 0, interrupting = 0;
    assert_int_equal(load.torn, 0);
    assert_int_equal(load.out_of_order, 0);
    for (int i = 0; i < SOURCES_MAX; i++) {
        struct source *source = &load.sources[i];
        assert_int_equal(source->next, source->accepted + source->full + source->busy);
        assert_int_equal(load.taken[i], source->accepted);
        assert_int_equal(load.taken_sum[i], source->accepted_sum); /* with the order: exactly the same ones */
        if (i < WRITERS)
            assert_int_equal(source->next, records_each);
        else
            interrupting += source->next;
        accepted += source->accepted;
        full += source->full;
        busy += source->busy;
    }
    assert_int_equal(pando_ring_used_words(load.ring), 0);
    uint64_t *words = (uint64_t *)memory + bytes / 8 - CAPACITY;
    for (int i = 0; i < CAPACITY; i++)
        assert_int_equal(words[i], 0);
    assert_true(accepted > 1000);
    assert_true(full > 0);
    print_message("           %ju records: %ju taken, %ju refused for room, %ju as busy; %ju by interrupting handlers\n",
                  (uintmax_t)(accepted + full + busy), (uintmax_t)accepted, (uintmax_t)full, (uintmax_t)busy,
                  (uintmax_t)interrupting);
    free(memory);
}

static void load_of_short_records(void **state)
{
    (void)state;
    run_load(300000, 200, false);
}

static void load_of_long_records(void **state)
{
    (void)state;
    run_load(60000, RECORD_MAX, false);
}

static void load_with_interrupted_writers(void **state)
{
    (void)state;
    run_load(300000, 200, true);
}

/* ---- What it costs: printed, not judged. ---- */

enum { COST_CAPACITY = 1 << 18, COST_RECORDS = 4000, COST_WORDS = 25, COST_ROUNDS = 21, COST_WRITERS_MAX = 2 };

static struct cost {
    struct pando_ring *ring;
    pthread_barrier_t begin, end;
    double push_ns[COST_WRITERS_MAX][COST_ROUNDS], pop_ns[COST_ROUNDS];
} cost;

static double mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void *push_for_cost(void *arg)
{
    double *ret_ns = arg;
    uint64_t words[COST_WORDS] = {1};
    struct pando_ring_part parts[] = {{words, 3}, {words + 3, COST_WORDS - 3}};
    for (int round = 0; round < COST_ROUNDS; round++) {
        pthread_barrier_wait(&cost.begin);
        double start_ns = mono_ns();
        for (int i = 0; i < COST_RECORDS; i++)
            if (pando_ring_push(cost.ring, parts, 2) == PANDO_ERR_LIMIT)
                abort();
        ret_ns[round] = (mono_ns() - start_ns) / COST_RECORDS;
        pthread_barrier_wait(&cost.end);
    }
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

static void what_it_costs(void **state)
{
    (void)state;
    size_t bytes = pando_ring_bytes(COST_CAPACITY);
    void *memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    cost.ring = pando_ring_init(memory, COST_CAPACITY);
    for (unsigned writers = 1; writers <= COST_WRITERS_MAX; writers++) {
        pthread_barrier_init(&cost.begin, NULL, writers + 1);
        pthread_barrier_init(&cost.end, NULL, writers + 1);
        pthread_t threads[COST_WRITERS_MAX];
        for (unsigned i = 0; i < writers; i++)
            pthread_create(&threads[i], NULL, push_for_cost, cost.push_ns[i]);
        for (int round = 0; round < COST_ROUNDS; round++) {
            pthread_barrier_wait(&cost.begin);
            pthread_barrier_wait(&cost.end);
            double start_ns = mono_ns();
            uint64_t count = 0;
            while (pando_ring_pop(cost.ring, popped) != 0)
                count++;
            cost.pop_ns[round] = (mono_ns() - start_ns) / (double)count;
        }
        for (unsigned i = 0; i < writers; i++) {
            pthread_join(threads[i], NULL);
            qsort(cost.push_ns[i], COST_ROUNDS, sizeof(double), by_size);
        }
        qsort(cost.pop_ns, COST_ROUNDS, sizeof(double), by_size);
        for (unsigned i = 0; i < writers; i++)
            print_message("           %u writing: push of %d words %.1f ns (%.1f to %.1f), pop %.1f ns\n", writers, COST_WORDS,
                          cost.push_ns[i][COST_ROUNDS / 2], cost.push_ns[i][0], cost.push_ns[i][COST_ROUNDS - 1],
                          cost.pop_ns[COST_ROUNDS / 2]);
        pthread_barrier_destroy(&cost.begin);
        pthread_barrier_destroy(&cost.end);
    }
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(refuses_what_is_no_record),
        cmocka_unit_test(wraps_at_every_offset),
        cmocka_unit_test(fills_to_the_last_word),
        cmocka_unit_test(random_traffic),
        cmocka_unit_test(an_abandoned_writer_stops_the_reader_but_no_writer),
        cmocka_unit_test(overwritten_memory_does_no_harm),
        cmocka_unit_test(load_of_short_records),
        cmocka_unit_test(load_of_long_records),
        cmocka_unit_test(load_with_interrupted_writers),
        cmocka_unit_test(what_it_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
