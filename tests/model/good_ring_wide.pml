/* Records of up to three words in a ring of eight: the largest one. */
#define WRITERS 2
#define PUSHES 2
#define HANDLERS 1
#define LENGTH_MAX 3
#define CAPACITY 8
#include "ring.pml"
