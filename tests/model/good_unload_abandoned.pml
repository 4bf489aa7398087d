/* A thread ends in its dlclose, or the worker.
 * Options of pan: -E (who is gone stands where it stood). */
#define ABANDON
#define CLOSES 1
#include "unload.pml"
