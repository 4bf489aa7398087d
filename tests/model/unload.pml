/* What dlclose does to the handler's rows (exchange/objects.c, docs/publication.md): code at an address goes, another thread's dlopen puts
 * other code there, and a list that was made from the map in between must not be believed. The counters are exchanged by locked
 * instructions and read in order, so there are no store buffers here; that lists are whole is publication.pml's.
 * With ABANDON a thread ends for good at any step of its dlclose, or the worker at any of its own. With FORK the process is a copy: the
 * thread that forked may be in a dlclose itself (a destructor forks) and goes on with it; others were, and are gone.
 * Checked: a handler that interrupts code never uses rows that were made for other code; at the end a list can be believed again.
 *
 * Included by good_unload*.pml and bad_unload_*.pml, which set the fault. Faults: NOT_UNDER_WAY, AFTER, SEEN_AFTER_MAP, SEEN_BACKWARDS;
 * in the copy: FORGETS_OWN (nobody is taken to be in a dlclose), KEEPS_OTHERS (all that were).
 */
#ifndef CLOSES
#define CLOSES 2
#endif
#ifndef CLOSERS
#define CLOSERS 2
#endif

byte unloads = 0;
short unloading = 0;
byte code = 1;           /* what is mapped at the address: a new number for each dlopen; 0 nothing */
byte next_code = 2;
byte running = 0;        /* threads that run it: a program does not unload what it runs */
byte list_seen = 255, list_code = 0; /* the published list */
byte closers_left = CLOSERS;
bool is_dead[CLOSERS], is_worker_dead[1];
bool has_begun = false;

proctype closer(byte me; bool is_inside) provided (!is_dead[me])
{
    byte made = 0;
    if
    :: is_inside -> goto inside
    :: else
    fi;
    do
    :: made < CLOSES ->
#ifndef NOT_UNDER_WAY
        unloading++;
#endif
#ifndef AFTER
        unloads++;
#endif
inside:
        /* under the loader's lock; first the library's own destructors, which may do anything */
        if
        :: atomic { code != 0 && running == 0 -> code = 0 }
        :: skip /* others still use it, or it went already */
        fi;
#if defined(AFTER) || defined(NOT_UNDER_WAY)
        unloads++;
#endif
#ifndef NOT_UNDER_WAY
        unloading--;
#endif
        made++
    :: else -> break
    od;
    closers_left--
}

active proctype opener()
{
    has_begun;
end:
    do
    :: atomic { code == 0 && next_code < 4 -> code = next_code; next_code++ }
    od
}

byte builds_after_end = 0;

active proctype worker() provided (!is_worker_dead[0])
{
    byte seen, map;
    bool was_end;
    has_begun;
    do
    :: builds_after_end < 1 ->
        was_end = (closers_left == 0);
#ifdef SEEN_AFTER_MAP
        map = code;
#endif
#ifdef SEEN_BACKWARDS
        bool is_under_way = (unloading > 0);
        seen = unloads;
        if
        :: is_under_way -> seen = 254
        :: else
        fi;
#else
        seen = unloads;
        if
        :: unloading > 0 -> seen = 254
        :: else
        fi;
#endif
#ifndef SEEN_AFTER_MAP
        map = code;
#endif
        atomic { list_seen = seen; list_code = map };
        if
        :: was_end -> assert(list_seen == unloads); builds_after_end++
        :: else
        fi
    :: else -> break
    od
}

#ifdef ABANDON
active proctype fate()
{
    has_begun;
    if
    :: is_dead[0] = true
    :: is_worker_dead[0] = true
    fi
}
#endif

active proctype handler()
{
    byte seen, rows, mine;
    has_begun;
end:
    do
    :: atomic { code != 0 -> mine = code; running++ };
        atomic { seen = list_seen; rows = list_code };
        if
        :: seen == unloads -> assert(rows == 0 || rows == mine)
        :: else
        fi;
        atomic { running--; mine = 0; seen = 0; rows = 0 }
    od
}

init {
    byte i = 0;
#ifdef FORK
    /* Who forked is closer 0. */
    byte others = 0;
    bool is_inside = false;
    atomic {
        if
        :: true
        :: is_inside = true; unloads++
        fi;
        if
        :: true
        :: others = 1; unloads++;
            if
            :: true
            :: code = 0
            fi
        fi;
#ifdef FORGETS_OWN
        unloading = 0;
#else
#ifdef KEEPS_OTHERS
        unloading = is_inside + others;
#else
        unloading = is_inside;
#endif
#endif
        run closer(0, is_inside);
        i = 1
    };
#endif
    atomic {
        do
        :: i < CLOSERS -> run closer(i, false); i++
        :: else -> break
        od;
        has_begun = true
    }
}
