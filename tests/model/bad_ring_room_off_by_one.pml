/* One word too many is given away. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_ROOM_OFF_BY_ONE
#include "ring.pml"
