/* A reader that has been in for long is taken for dead. */
#define GIVES_UP
#include "publication.pml"
