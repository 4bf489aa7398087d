/* Why: libelf and libdw keep a word for each thread. The loader allocates it when the thread first uses it, which by itself would be when
 * an error is noted, so when memory has run out; and a loader that has no memory then ends the process, which is the host.
 * Context: each of Pando's threads that names things, before it does. */
#ifndef PANDO_SYMBOLS_THREAD_MEMORY_H
#define PANDO_SYMBOLS_THREAD_MEMORY_H

/* Has the words allocated for the calling thread, after a look whether there is memory at all. 0, or PANDO_ERR_NO_MEMORY: use
 * nothing of symbols/ in this thread now. */
int pando_symbols_enter_thread(void);

#endif
