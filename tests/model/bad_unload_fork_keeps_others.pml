/* The child waits for the end of dlcloses of threads that it has not. */
#define FORK
#define KEEPS_OTHERS
#include "unload.pml"
