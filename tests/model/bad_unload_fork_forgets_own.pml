/* The child takes nobody to be in a dlclose, though the thread that forked is (a destructor forks). */
#define FORK
#define FORGETS_OWN
#include "unload.pml"
