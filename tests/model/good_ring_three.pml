/* Three threads, all lengths. */
#define WRITERS 3
#define PUSHES 1
#define ANY_LENGTH
#define LENGTH_MAX 2
#define CAPACITY 4
#include "ring.pml"
