/* The reader takes what is reserved, committed or not. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_TRUSTS_HEAD
#include "ring.pml"
