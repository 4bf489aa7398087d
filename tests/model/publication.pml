/* The handler's list and its grace period (exchange/objects.c, docs/publication.md), on a machine with store buffers as x86 has:
 * a store waits in its own processor's buffer, in order, until it reaches memory; a load may run ahead of it. A barrier waits
 * until the buffer is empty.
 * With ABANDON a reader, or the publisher, ends for good at any step, in the middle of its handler too; a reader's number is then
 * another thread's. With FORK the process is a copy: whoever was there at that moment is gone, and has left any numbers, and lists that are
 * nobody's or were being freed; it sets up, and begins.
 * Checked: no reader uses a list that is freed; the publisher is not stopped for good (no invalid end state), but by a reader that
 * has died and whose number nobody has taken since.
 *
 * Included by good_publication*.pml and bad_publication_*.pml, which set the fault; see tests/model/run. Faults: READER_NO_BARRIER,
 * PUBLISHER_NO_BARRIER, SNAPSHOT_FIRST, NO_GRACE, LEAVES_TOO_SOON; PARITY_INHERITED (the next thread counts on from the number that
 * the dead one left), GIVES_UP (whoever is in for long is taken for dead); in the copy: KEEPS_PASSAGES, RESETS_LATE (when readers have
 * begun).
 */
#ifndef READERS
#define READERS 2
#endif
#ifndef PASSAGES
#define PASSAGES 2
#endif
#ifndef PUBLICATIONS
#define PUBLICATIONS 3
#endif
#ifdef FORK
#define LISTS 4
#else
#define LISTS 3
#endif
#define NOTHING LISTS /* no list: the handler copies the stack */

/* Memory. Numbers count modulo 8: more than the passages that are made. */
byte passage[READERS];
byte current = 0;
bool freed[LISTS];

/* Who has ended for good. An heir has a dead reader's number. */
#define HEIR(number) (READERS + (number))
bool is_dead[2 * READERS], is_publisher_dead[1], is_taken_over[READERS];
bool has_begun = false;
byte publishers_done = 0; /* or held up by a dead reader */

/* Store buffers. */
chan passage_buffer[READERS] = [2] of { byte };
chan current_buffer = [1] of { byte };

/* Stores reach memory at any time. */
active proctype memory()
{
    byte value;
end:
    do
    :: atomic { passage_buffer[0]?value -> passage[0] = value }
#if READERS > 1
    :: atomic { passage_buffer[1]?value -> passage[1] = value }
#endif
    :: atomic { current_buffer?value -> current = value }
    od
}

proctype reader(byte me) provided (!is_dead[me])
{
    byte number = me % READERS, mine, list, made = 0;
    /* A number that had another thread: what that one stored last has come to memory. */
    atomic { empty(passage_buffer[number]) -> mine = passage[number] }
    do
    :: made < PASSAGES ->
        /* enter */
        atomic {
#ifdef PARITY_INHERITED
            mine = (mine + 1) % 8;
#else
            mine = ((mine + 1) | 1) % 8;
#endif
            passage_buffer[number]!mine
        };
#ifndef READER_NO_BARRIER
        empty(passage_buffer[number]);
#endif
        list = current;
#ifdef LEAVES_TOO_SOON
        atomic { mine = (mine + 1) % 8; passage_buffer[number]!mine };
#endif
        /* what the handler does with the list: any number of steps; two stand for all */
        assert(list == NOTHING || !freed[list]);
        atomic { assert(list == NOTHING || !freed[list]); list = 0 };
        /* leave */
#ifndef LEAVES_TOO_SOON
        atomic { mine = (mine + 1) % 8; passage_buffer[number]!mine };
#endif
        made++
    :: else -> break
    od
}

proctype publisher() provided (!is_publisher_dead[0])
{
    byte old, new, i, published = 0;
    byte snapshot[READERS];
    old = current;
    do
    :: published < PUBLICATIONS ->
        /* Any list that is free, also one that was freed a moment ago: memory is used again at once. */
        if
        :: freed[0] -> new = 0
        :: freed[1] -> new = 1
        :: freed[2] -> new = 2
#ifdef FORK
        :: freed[3] -> new = 3
#endif
        fi;
        freed[new] = false;
#ifdef SNAPSHOT_FIRST
        do
        :: atomic { i < READERS -> snapshot[i] = passage[i]; i++ }
        :: atomic { i == READERS -> i = 0; break }
        od;
#endif
        current_buffer!new;
#ifndef PUBLISHER_NO_BARRIER
        empty(current_buffer);
#endif
#ifndef SNAPSHOT_FIRST
        do
        :: atomic { i < READERS -> snapshot[i] = passage[i]; i++ }
        :: atomic { i == READERS -> i = 0; break }
        od;
#endif
#ifndef NO_GRACE
        do
        :: atomic { i < READERS && (snapshot[i] % 2 == 0 || passage[i] != snapshot[i]) -> snapshot[i] = 0; i++ }
        :: atomic { i < READERS && is_dead[i] && !is_taken_over[i] -> goto held_up }
#ifdef GIVES_UP
        :: i < READERS -> i++
#endif
        :: atomic { i == READERS -> i = 0; break }
        od;
#endif
        atomic {
            if
            :: old != NOTHING -> freed[old] = true
            :: else
            fi;
            old = new;
            new = 0;
            published++
        }
    :: else -> break
    od;
held_up:
    publishers_done++
}

#ifdef ABANDON
/* A thread ends; the kernel says so, and its number may be given to another one. Or the publisher does. */
active proctype fate()
{
    has_begun;
    if
    :: atomic { is_dead[0] = true };
        if
        :: atomic { is_taken_over[0] = true; run reader(HEIR(0)) }
        :: true
        fi
    :: is_publisher_dead[0] = true
    :: true
    fi
}
#endif

/* When nobody can go on. */
active proctype judge()
{
    timeout -> assert(publishers_done > 0 || is_publisher_dead[0])
}

init {
    byte i = 1;
#ifdef FORK
    /* One thread, and whatever was there: at least two lists are free, or the model's publisher has none to take. */
    i = 0;
    do
    :: i < READERS ->
        if
        :: passage[i] = 0
        :: passage[i] = 1
        :: passage[i] = 2
        :: passage[i] = 3
        fi;
        i++
    :: else -> break
    od;
    i = 2;
    do
    :: i < LISTS -> freed[i] = true; i++
    :: i < LISTS && !freed[i] -> i++
    :: else -> break
    od;
    atomic { freed[0] = true; freed[1] = true; current = NOTHING };
#ifdef RESETS_LATE
    run reader(0);
#endif
#ifndef KEEPS_PASSAGES
    i = 0;
    do
    :: i < READERS -> passage[i] = 0; i++
    :: else -> break
    od;
#endif
#ifndef RESETS_LATE
    run reader(0);
#endif
    atomic { run publisher(); has_begun = true }
#else
    atomic {
        do
        :: i < LISTS -> freed[i] = true; i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < READERS -> run reader(i); i++
        :: else -> break
        od;
        run publisher();
        has_begun = true
    }
#endif
}
