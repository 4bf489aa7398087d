/* The handler's list and its grace period (exchange/objects.c, docs/publication.md), on a machine with store buffers as x86 has:
 * a store waits in its own processor's buffer, in order, until it reaches memory; a load may run ahead of it. A barrier waits
 * until the buffer is empty.
 * Checked: no reader uses a list that is freed; the publisher is not stopped for good (no invalid end state).
 *
 * Included by good_publication.pml and bad_publication_*.pml, which set the fault; see tests/model/run. Faults: READER_NO_BARRIER,
 * PUBLISHER_NO_BARRIER, SNAPSHOT_FIRST, NO_GRACE, LEAVES_TOO_SOON.
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
#define LISTS 3

/* Memory. Numbers count modulo 8: more than the passages that are made. */
byte passage[READERS];
byte current = 0;
bool freed[LISTS];

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

proctype reader(byte number)
{
    byte mine = 0, list, made = 0;
    do
    :: made < PASSAGES ->
        /* enter */
        mine = (mine + 1) % 8;
        passage_buffer[number]!mine;
#ifndef READER_NO_BARRIER
        empty(passage_buffer[number]);
#endif
        list = current;
#ifdef LEAVES_TOO_SOON
        mine = (mine + 1) % 8;
        passage_buffer[number]!mine;
#endif
        /* what the handler does with the list: any number of steps; two stand for all */
        assert(!freed[list]);
        assert(!freed[list]);
        /* leave */
#ifndef LEAVES_TOO_SOON
        mine = (mine + 1) % 8;
        passage_buffer[number]!mine;
#endif
        made++
    :: else -> break
    od
}

proctype publisher()
{
    byte old, new, i, published = 0;
    byte snapshot[READERS];
    old = 0;
    do
    :: published < PUBLICATIONS ->
        /* Any list that is free, also one that was freed a moment ago: memory is used again at once. */
        if
        :: freed[0] -> new = 0
        :: freed[1] -> new = 1
        :: freed[2] -> new = 2
        fi;
        freed[new] = false;
#ifdef SNAPSHOT_FIRST
        i = 0;
        do
        :: i < READERS -> snapshot[i] = passage[i]; i++
        :: else -> break
        od;
#endif
        current_buffer!new;
#ifndef PUBLISHER_NO_BARRIER
        empty(current_buffer);
#endif
#ifndef SNAPSHOT_FIRST
        i = 0;
        do
        :: i < READERS -> snapshot[i] = passage[i]; i++
        :: else -> break
        od;
#endif
#ifndef NO_GRACE
        i = 0;
        do
        :: i < READERS ->
            (snapshot[i] % 2 == 0 || passage[i] != snapshot[i]);
            i++
        :: else -> break
        od;
#endif
        freed[old] = true;
        old = new;
        published++
    :: else -> break
    od
}

init {
    byte i = 0;
    atomic {
        freed[1] = true;
        freed[2] = true;
        do
        :: i < READERS -> run reader(i); i++
        :: else -> break
        od;
        run publisher()
    }
}
