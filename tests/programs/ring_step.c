// link: pando_exchange pando_base
/* Interrupts pando_ring_push after each of its instructions by a signal whose handler pushes as well, and pando_ring_pop too.
 *
 * A child is single-stepped by ptrace through one push (or pop); after n instructions it gets the signal, then runs on. It is
 * started anew for each n, until n is past the end. Each child itself checks that everything it pushed comes back whole, once,
 * and in a possible order, that a record is refused only when the ring is full, and that nothing is left.
 * With "twice" the handler is interrupted by itself as well.
 *
 * Usage: ring_step [once|twice]. Exit status 0 and some figures, 1 and what went wrong, or 77 where ptrace is refused. x86-64. */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "exchange/ring.h"

enum {
    CAPACITY = PANDO_RING_WORDS_MIN,
    RECORD_WORDS = 5,
    INTERRUPTING_WORDS = 3,
    STEPS_MAX = 20000,
    TWICE_STRIDE = 7, /* of the handler's instructions every seventh, beginning at another one for each of the push's */
};

enum { EMPTY, ACROSS_WRAP, ROOM_FOR_ONE, FULL, POP, SITUATIONS };
static const char *const situations[] = {"push into an empty ring", "push across the wrap", "push with room for one of two",
                                         "push into a full ring", "pop"};

static struct pando_ring *ring;
static uint64_t popped[PANDO_RING_RECORD_WORDS_MAX];
static atomic_int handler_count;
static int handler_results[2];
static uint64_t result; /* of the operation */

static uint64_t word_of(uint64_t record, uint32_t i)
{
    return (record + 1) << 32 | i;
}

static int push_filled(uint64_t record, uint32_t length)
{
    uint64_t words[RECORD_WORDS];
    for (uint32_t i = 0; i < length; i++)
        words[i] = word_of(record, i);
    struct pando_ring_part parts[] = {{words, 2}, {words + 2, length - 2}};
    return pando_ring_push(ring, parts, 2);
}

static void on_signal(int number)
{
    (void)number;
    int which = atomic_fetch_add(&handler_count, 1); /* it may be interrupted itself */
    handler_results[which] = push_filled(1 + (uint64_t)which, INTERRUPTING_WORDS);
}

static void fill(uint32_t words_left)
{
    static uint64_t filler[PANDO_RING_RECORD_WORDS_MAX];
    uint32_t free_words = CAPACITY - pando_ring_used_words(ring);
    while (free_words > words_left) {
        uint32_t needed = free_words - words_left;
        if (needed > PANDO_RING_RECORD_WORDS_MAX + 1)
            needed = PANDO_RING_RECORD_WORDS_MAX - 1;
        struct pando_ring_part part = {filler, needed - 1};
        if (pando_ring_push(ring, &part, 1) != 0)
            _exit(10);
        free_words -= needed;
    }
}

static void prepare(int situation)
{
    void *memory = aligned_alloc(64, pando_ring_bytes(CAPACITY));
    memset(memory, 0, pando_ring_bytes(CAPACITY));
    ring = pando_ring_init(memory, CAPACITY);
    switch (situation) {
    case ACROSS_WRAP: /* leaves three words before it */
        fill(3);
        while (pando_ring_pop(ring, popped) != 0) {
        }
        break;
    case ROOM_FOR_ONE: fill(1 + RECORD_WORDS); break;
    case FULL: fill(1 + 1); break;
    case POP: push_filled(0, RECORD_WORDS); break;
    }
}

/* The child's verdict; 0: all right. */
static int judge(int situation)
{
    bool may_be_refused = situation == ROOM_FOR_ONE || situation == FULL;
    int expected[3] = {situation == POP ? 1 : (int)result, 1, 1}; /* 1: not pushed */
    for (int i = 0; i < handler_count; i++)
        expected[1 + i] = handler_results[i];
    int kept = 0;
    for (int i = 0; i < 3; i++) {
        if (expected[i] != 0 && expected[i] != 1 && !(may_be_refused && expected[i] == PANDO_ERR_LIMIT))
            return 20;
        kept += expected[i] == 0;
    }
    if (situation == ROOM_FOR_ONE && kept == 0)
        return 21;
    if (situation == FULL && kept != 0)
        return 22;
    if (situation == POP && result != RECORD_WORDS)
        return 23;
    bool seen[3] = {false};
    uint32_t length;
    while ((length = pando_ring_pop(ring, popped)) != 0) {
        if (popped[0] == 0) /* a filler */
            continue;
        uint64_t record = (popped[0] >> 32) - 1;
        if (record > 2 || seen[record] || expected[record] != 0)
            return 24;
        if (length != (record == 0 ? (uint32_t)RECORD_WORDS : (uint32_t)INTERRUPTING_WORDS))
            return 25;
        for (uint32_t i = 0; i < length; i++)
            if (popped[i] != word_of(record, i))
                return 26;
        seen[record] = true;
    }
    for (int i = 0; i < 3; i++)
        if (seen[i] != (expected[i] == 0))
            return 27;
    return pando_ring_used_words(ring) == 0 ? 0 : 28;
}

/* Marks for the parent where the operation begins and ends, with nothing of the child's own in between that counts. */
__attribute__((noinline)) static void operation(int situation)
{
    __asm__ volatile("int3" ::: "memory");
    if (situation == POP) {
        result = pando_ring_pop(ring, popped);
    } else {
        static const struct {
            uint64_t words[RECORD_WORDS];
        } record = {{1ull << 32, 1ull << 32 | 1, 1ull << 32 | 2, 1ull << 32 | 3, 1ull << 32 | 4}};
        const struct pando_ring_part parts[] = {{record.words, 2}, {record.words + 2, RECORD_WORDS - 2}};
        result = (uint64_t)(int64_t)pando_ring_push(ring, parts, 2);
    }
    __asm__ volatile("int3" ::: "memory");
}

static _Noreturn void child(int situation)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
    sigaction(SIGUSR1, &action, NULL);
    prepare(situation);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(77);
    operation(situation);
    if (situation == POP) {
        for (uint32_t i = 0; i < RECORD_WORDS; i++)
            if (popped[i] != word_of(0, i))
                _exit(29);
    }
    _exit(judge(situation));
}

static int wait_stop(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
    }
    return status;
}

static _Noreturn void fail(const char *what, int situation, int first, int second)
{
    fprintf(stderr, "ring_step: %s, interrupted after %d instructions (and %d of the handler): %s\n", situations[situation],
            first, second, what);
    exit(1);
}

static uint64_t instructions;

/* One instruction; false: it was the int3 that ends the operation. `signal` is delivered first (then the "instruction" is the
 * step into the handler). */
static bool step(pid_t pid, int signal, int situation, int first, int second)
{
    if (ptrace(PTRACE_SINGLESTEP, pid, NULL, (void *)(intptr_t)signal) != 0)
        fail("cannot be stepped", situation, first, second);
    int status = wait_stop(pid);
    instructions++;
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
        fail("the child stopped for another reason", situation, first, second);
    siginfo_t info;
    ptrace(PTRACE_GETSIGINFO, pid, NULL, &info);
    return info.si_code != SI_KERNEL; /* what an int3 says */
}

/* Interrupts after `first` instructions, and the handler after `second` of its own (-1: not). How far it got: 0 all done, 1 the
 * operation ended before the first, 2 the handler was over before the second. */
static int run(int situation, int first, int second)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        child(situation);
    int status = wait_stop(pid), reached = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        fprintf(stderr, "ring_step: ptrace is not permitted here\n");
        exit(77);
    }
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
        fail("the child did not begin", situation, first, second);
    bool inside = true;
    for (int i = 0; i < first && inside; i++)
        inside = step(pid, 0, situation, first, second);
    if (!inside) {
        reached = 1;
    } else {
        struct user_regs_struct before, now;
        ptrace(PTRACE_GETREGS, pid, NULL, &before);
        inside = step(pid, SIGUSR1, situation, first, second); /* stops at the handler's first instruction */
        if (second >= 0) {
            for (int i = 0; i < second && inside; i++) {
                inside = step(pid, 0, situation, first, second);
                ptrace(PTRACE_GETREGS, pid, NULL, &now);
                if (now.rsp == before.rsp && now.rip == before.rip) {
                    reached = 2; /* back in the operation */
                    break;
                }
            }
            if (reached == 0)
                step(pid, SIGUSR1, situation, first, second);
        }
    }
    /* To the int3 at the end (unless we are past it), and on. */
    for (;;) {
        ptrace(PTRACE_CONT, pid, NULL, NULL);
        status = wait_stop(pid);
        if (WIFEXITED(status))
            break;
        if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
            fail("the child crashed", situation, first, second);
    }
    if (WEXITSTATUS(status) != 0) {
        char what[64];
        snprintf(what, sizeof what, "verdict %d (see judge)", WEXITSTATUS(status));
        fail(what, situation, first, second);
    }
    return reached;
}

int main(int argc, char **argv)
{
    bool twice = argc > 1 && strcmp(argv[1], "twice") == 0;
    uint64_t runs = 0, points = 0;
    for (int situation = 0; situation < SITUATIONS; situation++) {
        int first = 0;
        for (;; first++) {
            runs++;
            int reached = run(situation, first, -1);
            if (reached == 1)
                break;
            if (first == STEPS_MAX)
                fail("does not end", situation, first, -1);
            for (int second = first % TWICE_STRIDE; twice; second += TWICE_STRIDE) {
                runs++;
                if (run(situation, first, second) != 0)
                    break;
            }
        }
        points += (uint64_t)first;
        printf("%-32s interrupted at each of %d instructions\n", situations[situation], first);
    }
    printf("%ju runs, %ju points of interruption, %ju single steps: nothing lost, torn or double\n", (uintmax_t)runs,
           (uintmax_t)points, (uintmax_t)instructions);
    return 0;
}
