/* Two threads of which one is interrupted, several times round a small ring. */
#define WRITERS 2
#define PUSHES 2
#define HANDLERS 1
#define LENGTH_MAX 2
#define CAPACITY 4
#include "ring.pml"
