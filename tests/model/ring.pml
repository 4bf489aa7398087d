/* Why: exchange/ring.c as a model: all interleavings of its shared accesses, one step each, in a sequentially consistent
 * world (weaker worlds: tests/mutation/ring_explorer.c, which runs the real code).
 * Included by good_ring_*.pml and bad_ring_*.pml, which set the sizes and the fault; see tests/model/run.
 *
 * WRITERS threads push PUSHES records each, of different lengths up to LENGTH_MAX (of all lengths, with ANY_LENGTH). HANDLERS
 * of the threads are interrupted once, at any step, by a handler that pushes a record and during which the thread stands
 * still. With ABANDON, one thread ends for good at any step, handler and all (a crash, a fork's child, a debugger). The ring
 * starts empty at any offset.
 *
 * Checked: a record is taken at most once, whole, in the order of its thread; what is pushed is taken (unless it lies behind
 * what an abandoned writer left); each push ends as pushed, refused or busy, whatever the others do; refused only for room;
 * every free word is zero when the reader frees it and at the end. */
#ifndef CAPACITY
#define CAPACITY 8
#endif
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef PUSHES
#define PUSHES 2
#endif
#ifndef LENGTH_MAX
#define LENGTH_MAX 3
#endif
#ifndef TRIES
#define TRIES 2
#endif
#ifndef HANDLERS
#define HANDLERS 0
#endif
#define RECORDS (WRITERS * PUSHES + HANDLERS)

#define IS_HELD_UP(thread) (in_handler[thread] || dead[thread])
/* A payload word tells its record and place. It is more than LENGTH_MAX: as a length it is noticed at once. */
#define PAYLOAD(record, i) (32 + 4 * (record) + (i))
/* Words that are free, when so many are in use. */
#ifdef FAULT_ROOM_OFF_BY_ONE
#define ROOM(used) (CAPACITY + 1 - (used))
#else
#define ROOM(used) (CAPACITY - (used))
#endif
#define LOOKS_FULL (h - t < 0 || h - t > CAPACITY || ROOM(h - t) < 1 + length)
/* Where the record that the reader is at begins. */
#ifdef FAULT_FREED_BEFORE_ZEROING
#define AT (tail - 1 - length)
#else
#define AT tail
#endif

byte words[CAPACITY];
byte head, tail;
bool in_handler[WRITERS], dead[WRITERS];
#ifdef FAULT_LOCK
bool locked; /* the textbook's answer, which deadlocks in a handler */
#endif

/* For the checks only. */
mtype = { not_yet, reserved, pushed, refused, busy };
mtype outcome[RECORDS] = not_yet;
byte length_of[RECORDS], start_of[RECORDS];
bool taken[RECORDS];
byte threads_done, handlers_done;

/* Each atomic has one access to what is shared; everything else in it is the process's own or for the checks. */
inline push(record)
{
    atomic {
#ifdef ANY_LENGTH
        length = 1;
        do
        :: length < LENGTH_MAX -> length++
        :: break
        od
#else
        length = 1 + (record) % LENGTH_MAX
#endif
    }
#ifdef FAULT_LOCK
    atomic { !locked -> locked = true }
#endif
again:
#ifdef FAULT_HEAD_BEFORE_TAIL
    atomic { h = head; was_full = head - tail + 1 + length > CAPACITY }
    t = tail;
#else
    t = tail;
    atomic { h = head; was_full = head - tail + 1 + length > CAPACITY }
#endif
    if
    :: atomic { LOOKS_FULL ->
            if
#ifdef FAULT_NO_SECOND_LOOK
            :: true ->
#else
            :: tail == t ->
#endif
#ifndef FAULT_ROOM_OFF_BY_ONE
                assert(was_full); /* for room only: there was none when it saw head */
#endif
                outcome[record] = refused;
                goto done
#ifndef FAULT_NO_SECOND_LOOK
            :: else ->
                tries++;
                if
                :: tries == TRIES -> outcome[record] = busy; goto done
                :: else -> goto again
                fi
#endif
            fi
        }
    :: atomic { !LOOKS_FULL -> /* compare and swap */
        if
#ifdef FAULT_NO_COMPARE
        :: true ->
#else
        :: head == h ->
#endif
            head = h + 1 + length;
            outcome[record] = reserved;
            start_of[record] = h;
            length_of[record] = length
#ifndef FAULT_NO_COMPARE
        :: else ->
            tries++;
            if
            :: tries == TRIES -> outcome[record] = busy; goto done
            :: else -> goto again
            fi
#endif
        fi
        }
    fi;
#ifdef FAULT_COMMIT_BEFORE_PAYLOAD
    atomic { words[h % CAPACITY] = length; outcome[record] = pushed }
#endif
copy:
    atomic {
        words[(h + 1 + i) % CAPACITY] = PAYLOAD(record, i);
        i++;
        if
        :: i < length -> goto copy
        :: else
        fi
    }
#ifndef FAULT_COMMIT_BEFORE_PAYLOAD
    atomic { words[h % CAPACITY] = length; outcome[record] = pushed }
#endif
done:
#ifdef FAULT_LOCK
    locked = false;
#endif
    skip
}

/* In every proctype that pushes. */
#define PUSH_LOCALS byte t, h, i, tries, length; bool was_full
#define PUSH_RESET t = 0; h = 0; i = 0; tries = 0; length = 0; was_full = false

proctype thread(byte me) provided (!IS_HELD_UP(me))
{
    PUSH_LOCALS;
    byte k;
next:
    push(me * PUSHES + k);
    atomic {
        PUSH_RESET;
        k++;
        if
        :: k < PUSHES -> goto next
        :: else -> threads_done++
        fi
    }
}

proctype handler(byte me) provided (!dead[me])
{
    PUSH_LOCALS;
    in_handler[me] = true;
    push(WRITERS * PUSHES + me);
    atomic { PUSH_RESET; in_handler[me] = false; handlers_done++ }
}

/* Polls: seen as waiting until the next header is not zero, which leaves out its idle rounds. */
proctype reader()
{
    byte i, length, record, word;
end_poll:
    atomic {
#ifdef FAULT_TRUSTS_HEAD
        tail != head ->
#else
        words[tail % CAPACITY] != 0 ->
#endif
        length = words[tail % CAPACITY];
        assert(length >= 1 && length <= LENGTH_MAX)
    }
#ifdef FAULT_FREED_BEFORE_ZEROING
    tail = tail + 1 + length;
#endif
copy:
    atomic { /* a word, and whose it is */
        word = words[(AT + 1 + i) % CAPACITY];
        assert(word >= 32);
        if
        :: i == 0 -> record = (word - 32) / 4; assert(record < RECORDS)
        :: else
        fi;
        assert(word == PAYLOAD(record, i)); /* whole */
        word = 0
    }
    atomic {
#ifndef FAULT_PAYLOAD_NOT_ZEROED
        words[(AT + 1 + i) % CAPACITY] = 0;
#endif
        i++;
        if
        :: i < length -> goto copy
        :: else -> i = 0
        fi
    }
#ifndef FAULT_HEADER_NOT_ZEROED
    words[AT % CAPACITY] = 0;
#endif
    atomic {
        assert(outcome[record] == pushed && length == length_of[record] && start_of[record] == AT);
        assert(!taken[record]); /* once */
        taken[record] = true;
#ifndef FAULT_FREED_BEFORE_ZEROING
        tail = tail + 1 + length;
#endif
        if
        :: record < WRITERS * PUSHES -> /* in the order of its thread */
            i = record;
            do
            :: i % PUSHES > 0 -> i--; assert(outcome[i] != pushed || taken[i])
            :: else -> break
            od
        :: else
        fi;
        record = 0;
        i = 0;
        length = 0;
        goto end_poll
    }
}

#ifdef ABANDON
active proctype fate()
{
    byte who;
    do
    :: who < WRITERS - 1 -> who++
    :: break
    od;
    dead[who] = true
}
#endif

/* When nobody can go on. */
proctype judge()
{
    byte r, dead_count, unfinished;
    bool is_stopped_by_dead;
    timeout ->
    d_step {
        r = 0;
        do
        :: r < WRITERS -> dead_count = dead_count + dead[r]; r++
        :: else -> break
        od;
        /* No writer waits: all that live have finished. */
        assert(threads_done + dead_count >= WRITERS);
        assert(handlers_done + dead_count >= HANDLERS);
        r = 0;
        do
        :: r < RECORDS ->
            if
            :: outcome[r] == reserved ->
                unfinished++;
                assert(dead_count > 0);
                if
                :: start_of[r] == tail -> is_stopped_by_dead = true
                :: else
                fi
            :: outcome[r] == not_yet -> unfinished++; assert(dead_count > 0)
            :: outcome[r] == pushed -> assert(taken[r] || (dead_count > 0 && start_of[r] > tail))
            :: else -> assert(!taken[r])
            fi;
            r++
        :: else -> break
        od;
        assert(head == tail || is_stopped_by_dead);
        r = 0; /* free words are zero */
        do
        :: r < CAPACITY - (head - tail) -> assert(words[(head + r) % CAPACITY] == 0); r++
        :: else -> break
        od
    }
}

init {
    byte offset, n;
    do
    :: offset < CAPACITY - 1 -> offset++
    :: break
    od;
    atomic {
        head = offset;
        tail = offset;
        do
        :: n < WRITERS ->
            run thread(n);
            if
            :: n < HANDLERS -> run handler(n)
            :: else
            fi;
            n++
        :: else -> break
        od;
        run reader();
        run judge();
        offset = 0;
        n = 0
    }
}
