// link: pando_exchange pando_base
/* Who is in a dlclose, over a fork: what another thread was in is over in the child, what the thread that forked is in is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/unloads.c"

static struct pando_objects objects;

/* A list that is made now is one that handlers believe. */
static bool is_believed(void) { return pando_objects_unloads_seen(&objects) == atomic_load(&objects.unloads); }

static void test_nested(void **state)
{
    (void)state;
    assert_true(is_believed());
    pando_unloads_begin(&objects);
    pando_unloads_begin(&objects); /* a destructor closes another library */
    assert_false(is_believed());
    pando_unloads_end(&objects);
    assert_false(is_believed());
    pando_unloads_end(&objects);
    assert_true(is_believed());
}

/* Exit status of a child: the number of the first of these that does not hold; 0: all do. */
static int child(int own)
{
    pando_unloads_after_fork(&objects);
    if (is_believed() != (own == 0))
        return 1;
    for (int i = 0; i < own; i++)
        pando_unloads_end(&objects);
    if (!is_believed())
        return 2;
    pando_unloads_begin(&objects); /* the next one is seen as any other */
    if (is_believed())
        return 3;
    pando_unloads_end(&objects);
    return is_believed() ? 0 : 4;
}

static void fork_and_check(int own)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(own));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static pthread_barrier_t barrier;

static void *be_in_one(void *unused)
{
    pando_unloads_begin(&objects);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    pando_unloads_end(&objects);
    return unused;
}

static void test_fork(void **state)
{
    (void)state;
    pthread_t other;
    fork_and_check(0);
    pando_unloads_begin(&objects);
    fork_and_check(1);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    assert_int_equal(pthread_create(&other, NULL, be_in_one, NULL), 0);
    pthread_barrier_wait(&barrier);
    fork_and_check(1);
    pando_unloads_end(&objects);
    fork_and_check(0);
    assert_false(is_believed()); /* in the parent the other one still is */
    pthread_barrier_wait(&barrier);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_true(is_believed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nested), cmocka_unit_test(test_fork)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
