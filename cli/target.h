/* Why: what `pando attach` must know of the code in a process: which objects are where, where a function is, what a stack looks like.
 * Context: own process. libdw reads the objects' files as the process sees them (/proc/PID/root), without debug information. */
#ifndef PANDO_CLI_TARGET_H
#define PANDO_CLI_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

enum pando_frame_kind {
    PANDO_FRAME_UNKNOWN,    /* in no object: made at run time, or unmapped */
    PANDO_FRAME_LIBC,
    PANDO_FRAME_LOADER,
    PANDO_FRAME_ALLOCATOR,  /* of a library that has malloc in libc's place */
    PANDO_FRAME_PROGRAM,
    PANDO_FRAME_OTHER,      /* another library, the vDSO */
};

struct pando_frame {
    enum pando_frame_kind kind;
    const char *name;       /* of the function, if the object tells; NULL: not known. Valid until the next refresh */
};

enum { PANDO_TARGET_FRAMES_MAX = 512 };

struct pando_target;

/* NULL, with one sentence, when the process cannot be read. */
struct pando_target *pando_target_open(pid_t pid, char *message, size_t message_bytes);
void pando_target_close(struct pando_target *target);
/* Reads the list of objects again if it has changed; false: it cannot be read any more. */
bool pando_target_refresh(struct pando_target *target);

bool pando_target_has_libc(const struct pando_target *target);
/* The program itself stands in for malloc: what is its allocator cannot be told from the rest. */
bool pando_target_allocates_itself(const struct pando_target *target);
/* A function of libc's (or libdl's) by its name; 0: there is none. */
uint64_t pando_target_function(const struct pando_target *target, const char *name);
/* Where libc has these bytes of code; 0: nowhere. */
uint64_t pando_target_code(const struct pando_target *target, const void *bytes, size_t len);
/* The path of an object whose name begins so ("libpando.so"), as the process knows it. False: none is mapped. */
bool pando_target_find_object(const struct pando_target *target, const char *name_start, char *path, size_t path_bytes);

/* The stack of a stopped thread with these registers, innermost first. Returns the number of frames if the stack is known to its
 * end; -1 if it is not. */
int pando_target_stack(struct pando_target *target, pid_t tid, const struct user_regs_struct *registers,
                       struct pando_frame *frames);

/* Memory of the process; false when not all could be read or written. Writing also where it is not writable for the process. */
bool pando_target_read(const struct pando_target *target, uint64_t address, void *bytes, size_t len);
bool pando_target_write(const struct pando_target *target, uint64_t address, const void *bytes, size_t len);
/* Whether [low, high) is mapped, readable and writable. */
bool pando_target_is_writable(const struct pando_target *target, uint64_t low, uint64_t high);

#endif
