/* Counted before and after each dlclose, and not how many are under way: what is made just before the second count is believed. */
#define NOT_UNDER_WAY
#include "unload.pml"
