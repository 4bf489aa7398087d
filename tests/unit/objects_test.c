// link: pando_exchange pando_base
/* Publication of the handler's list: exchange/objects.h. The last test is the one for ThreadSanitizer (-fsanitize=thread): a list
 * that is freed while a reader has it, or that is read before it is whole, is a race it reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "exchange/objects.h"

enum { READERS = 4, PUBLICATIONS = 5000, ENTRIES = 8 };

static struct pando_object_list *make_list(uint32_t count, uint64_t step, uint64_t bias)
{
    struct pando_object_list *list = calloc(1, sizeof *list + count * sizeof list->entries[0]);
    assert_non_null(list);
    list->count = count;
    for (uint32_t i = 0; i < count; i++) {
        list->entries[i].start = 0x1000 + i * step;
        list->entries[i].end = list->entries[i].start + step / 2;
        list->entries[i].bias = bias;
    }
    return list;
}

static void test_find(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= 9; count++) {
        struct pando_object_list *list = make_list(count, 0x100, 0);
        for (uint64_t address = 0xf00; address < 0x1000 + 10 * 0x100; address += 0x20) {
            const struct pando_object_entry *wanted = NULL;
            for (uint32_t i = 0; i < count; i++)
                if (address >= list->entries[i].start && address < list->entries[i].end)
                    wanted = &list->entries[i];
            assert_ptr_equal(pando_objects_find(list, address, NULL), wanted);
            for (uint32_t i = 0; i < count; i++) /* a hint changes nothing but the time */
                assert_ptr_equal(pando_objects_find(list, address, &list->entries[i]), wanted);
        }
        assert_null(pando_objects_find(list, UINT64_MAX, NULL));
        assert_null(pando_objects_find(list, 0, NULL));
        free(list);
    }
}

static void test_grace_period(void **state)
{
    (void)state;
    static struct pando_objects_reader readers[3];
    struct pando_objects objects = {.readers = readers};
    uint32_t snapshot[3];
    struct pando_object_list *first = make_list(1, 0x100, 1), *second = make_list(2, 0x100, 2);
    assert_null(pando_objects_enter(&objects, 0));
    pando_objects_leave(&objects, 0);
    assert_null(pando_objects_publish(&objects, first));
    assert_ptr_equal(pando_objects_enter(&objects, 1), first);
    assert_ptr_equal(pando_objects_publish(&objects, second), first);
    pando_objects_grace_begin(&objects, snapshot, 3);
    assert_false(pando_objects_grace_over(&objects, snapshot, 3));
    assert_ptr_equal(pando_objects_enter(&objects, 2), second); /* came later: nobody waits for it */
    assert_false(pando_objects_grace_over(&objects, snapshot, 3));
    pando_objects_leave(&objects, 1);
    assert_true(pando_objects_grace_over(&objects, snapshot, 3));
    assert_ptr_equal(pando_objects_enter(&objects, 1), second); /* in again: with the new list */
    assert_true(pando_objects_grace_over(&objects, snapshot, 3));
    pando_objects_grace_begin(&objects, snapshot, 3);
    pando_objects_leave(&objects, 1);
    assert_false(pando_objects_grace_over(&objects, snapshot, 3));
    pando_objects_leave(&objects, 2);
    assert_true(pando_objects_grace_over(&objects, snapshot, 3));
    free(first);
    free(second);
}

/* A thread that dies in its handler leaves its number odd; whoever gets its slot is inside when it is inside. */
static void test_number_of_a_dead_thread(void **state)
{
    (void)state;
    static struct pando_objects_reader readers[1];
    struct pando_objects objects = {.readers = readers};
    uint32_t snapshot[1];
    pando_objects_enter(&objects, 0); /* and no more of it */
    pando_objects_grace_begin(&objects, snapshot, 1);
    assert_false(pando_objects_grace_over(&objects, snapshot, 1));
    for (int i = 0; i < 3; i++) { /* the next one of the slot */
        pando_objects_enter(&objects, 0);
        assert_true(pando_objects_grace_over(&objects, snapshot, 1)); /* the dead one holds nobody up any more */
        uint32_t later[1];
        pando_objects_grace_begin(&objects, later, 1);
        assert_false(pando_objects_grace_over(&objects, later, 1));
        pando_objects_leave(&objects, 0);
        assert_true(pando_objects_grace_over(&objects, later, 1));
        pando_objects_grace_begin(&objects, later, 1);
        assert_true(pando_objects_grace_over(&objects, later, 1));
    }
}

static struct pando_objects shared;
static atomic_bool is_over;
static atomic_uint passages_made[READERS];
static atomic_uint torn;

static void *read_lists(void *argument)
{
    uint32_t number = (uint32_t)(uintptr_t)argument;
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        const struct pando_object_list *list = pando_objects_enter(&shared, number);
        for (uint32_t i = 0; list != NULL && i < list->count; i++)
            if (list->entries[i].bias != list->entries[0].bias || list->entries[i].bias == 0)
                atomic_fetch_add_explicit(&torn, 1, memory_order_relaxed);
        pando_objects_leave(&shared, number);
        atomic_fetch_add_explicit(&passages_made[number], 1, memory_order_relaxed);
    }
    return NULL;
}

static void test_readers_and_publisher(void **state)
{
    (void)state;
    static struct pando_objects_reader readers[READERS];
    pthread_t threads[READERS];
    shared.readers = readers;
    for (uintptr_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_lists, (void *)i), 0);
    for (uint64_t i = 1; i <= PUBLICATIONS; i++) {
        uint32_t snapshot[READERS];
        struct pando_object_list *old = pando_objects_publish(&shared, make_list(ENTRIES, 0x100, i));
        pando_objects_grace_begin(&shared, snapshot, READERS);
        while (!pando_objects_grace_over(&shared, snapshot, READERS))
            sched_yield();
        if (old != NULL)
            for (uint32_t j = 0; j < ENTRIES; j++)
                old->entries[j].bias = 0; /* who reads it now sees it, also without a sanitizer */
        free(old);
    }
    for (uint32_t i = 0; i < READERS; i++)
        while (atomic_load(&passages_made[i]) < 100)
            sched_yield();
    atomic_store(&is_over, true);
    for (uint32_t i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&torn), 0);
    free(pando_objects_publish(&shared, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_grace_period),
        cmocka_unit_test(test_number_of_a_dead_thread),
        cmocka_unit_test(test_readers_and_publisher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
