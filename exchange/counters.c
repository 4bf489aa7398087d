/* Why: the names of exchange/counters.h, in one place. Context: any; static memory only. */
#include "exchange/counters.h"

#include <stddef.h>

const char *pando_counter_name(enum pando_counter which)
{
    switch (which) { /* no default: the compiler tells of a counter without a name */
    case PANDO_COUNT_SIGNALS: return "signals";
    case PANDO_COUNT_SAMPLES_KEPT: return "samplesKept";
    case PANDO_COUNT_DROPPED_RING_FULL: return "samplesDroppedRingFull";
    case PANDO_COUNT_DROPPED_RING_BUSY: return "samplesDroppedRingBusy";
    case PANDO_COUNT_DROPPED_STALE: return "samplesDroppedStale";
    case PANDO_COUNT_DROPPED_STOPPED: return "samplesDroppedStopped";
    case PANDO_COUNT_DROPPED_TAKEN: return "samplesDroppedTaken";
    case PANDO_COUNT_OVERRUNS: return "overruns";
    case PANDO_COUNT_FOREIGN_SIGNALS: return "foreignSignals";
    case PANDO_COUNT_SAMPLES_AT_THREAD_END: return "samplesAtThreadEnd";
    case PANDO_COUNT_LOST_AT_THREAD_END: return "samplesLostAtThreadEnd";
    case PANDO_COUNT_RATE_LOWERED: return "rateLowered";
    case PANDO_COUNT_RATE_RAISED: return "rateRaised";
    case PANDO_COUNT_INTERVALS_SKIPPED: return "intervalsSkipped";
    case PANDO_COUNT_SAMPLES_NOT_DUE: return "samplesNotDue";
    case PANDO_COUNT_WALL_SAMPLES: return "wallSamples";
    case PANDO_COUNT_WALL_MOVED: return "wallMoved";
    case PANDO_COUNT_WALL_LATE: return "wallLate";
    case PANDO_COUNT_WALL_NO_STATE: return "wallNoState";
    case PANDO_COUNT_THREADS_SEEN: return "threadsSeen";
    case PANDO_COUNT_THREADS_NO_SLOT: return "threadsNoSlot";
    case PANDO_COUNT_THREADS_NO_TIMER: return "threadsNoTimer";
    case PANDO_COUNT_THREADS_TIMER_LIMIT: return "threadsTimerLimit";
    case PANDO_COUNT_THREADS_SMALL_ALTSTACK: return "threadsSmallAltstack";
    case PANDO_COUNT_THREADS_BLOCK_SIGPROF: return "threadsBlockSigprof";
    case PANDO_COUNT_LABEL_SETS_LEFT_OUT: return "labelSetsLeftOut";
    case PANDO_COUNT_SLICES_LEFT_OUT: return "slicesLeftOut";
    case PANDO_COUNT_SPANS_LEFT_OUT: return "spansLeftOut";
    case PANDO_COUNT_THREADS_UNNAMED: return "threadsUnnamed";
    case PANDO_COUNT_FRAMES_BY_ROW: return "framesByRow";
    case PANDO_COUNT_FRAMES_REMEMBERED: return "framesRemembered";
    case PANDO_COUNT_FRAMES_BY_FRAME_POINTER: return "framesByFramePointer";
    case PANDO_COUNT_FRAMES_BY_GUESS: return "framesByGuess";
    case PANDO_COUNT_STACKS_WHOLE: return "stacksWhole";
    case PANDO_COUNT_STACKS_NO_ROWS: return "stacksNoRows";
    case PANDO_COUNT_STACKS_NO_RULE: return "stacksNoRule";
    case PANDO_COUNT_STACKS_BAD_STACK: return "stacksBadStack";
    case PANDO_COUNT_STACKS_BAD_CODE: return "stacksBadCode";
    case PANDO_COUNT_STACKS_TOO_DEEP: return "stacksTooDeep";
    case PANDO_COUNT_STACKS_TRUNCATED: return "stacksTruncated";
    case PANDO_COUNT_STACKS_FINISHED_LATE: return "stacksFinishedLate";
    case PANDO_COUNT_STACKS_COMPARED_SAME: return "comparedStacksSame";
    case PANDO_COUNT_STACKS_COMPARED_OTHER: return "comparedStacksOther";
    case PANDO_COUNT_SAMPLES_FOLDED: return "samplesFolded";
    case PANDO_COUNT_DROPPED_TREE_FULL: return "samplesDroppedTreeFull";
    case PANDO_COUNT_INTERVALS_SEALED_EARLY: return "intervalsSealedEarly";
    case PANDO_COUNT_FRAMES_UNNAMED: return "framesUnnamed";
    case PANDO_COUNT_FRAMES_WITHOUT_LINES: return "framesWithoutLines";
    case PANDO_COUNT_OBJECTS_WITHOUT_ROWS: return "objectsWithoutRows";
    case PANDO_COUNTERS: break;
    }
    return NULL;
}
