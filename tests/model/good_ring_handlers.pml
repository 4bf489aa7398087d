/* Two threads, each interrupted once by its own handler. */
#define WRITERS 2
#define PUSHES 1
#define HANDLERS 2
#define LENGTH_MAX 2
#define CAPACITY 4
#include "ring.pml"
