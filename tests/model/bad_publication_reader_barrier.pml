/* enter without a barrier: the pointer is read before anybody sees that the reader is in. */
#define READER_NO_BARRIER
#include "publication.pml"
