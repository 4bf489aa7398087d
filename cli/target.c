/* Why: cli/target.h. Context: own process. */
#include "cli/target.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAPS_BYTES_MAX = 8 << 20, CODE_BYTES_MAX = 4 << 20, REGISTERS = 17 };

struct pando_target {
    pid_t pid;
    int memory_fd;
    char *maps;             /* the text of /proc/PID/maps that the rest was made from */
    char program[PATH_MAX]; /* as the process knows it */
    Dwfl *dwfl;
    Dwfl_Module *libc, *loader, *libdl, *allocator;
    bool program_allocates;
    const struct user_regs_struct *registers; /* of the stack that is being walked */
    pid_t tid;
    struct pando_frame *frames;
    int frame_count;
};

static char *read_maps(pid_t pid)
{
    char path[64];
    size_t used = 0, room = 64 << 10;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd >= 0 ? malloc(room) : NULL;
    ssize_t got = 0;
    while (text != NULL && (got = read(fd, text + used, room - used - 1)) > 0) {
        used += (size_t)got;
        if (room - used > 4096)
            continue;
        char *larger = room < MAPS_BYTES_MAX ? realloc(text, room *= 2) : NULL;
        if (larger == NULL) {
            free(text);
            text = NULL;
        } else {
            text = larger;
        }
    }
    if (fd >= 0)
        close(fd);
    if (text != NULL && (got < 0 || used == 0)) {
        free(text);
        return NULL;
    }
    if (text != NULL)
        text[used] = '\0';
    return text;
}

/* The file as the process sees it: its root may be another. */
static int find_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, char **file_name, Elf **elf)
{
    const pid_t *pid = *user;
    char path[PATH_MAX];
    *file_name = NULL;
    if (name[0] != '/' || pid == NULL)
        return dwfl_linux_proc_find_elf(module, user, name, base, file_name, elf);
    snprintf(path, sizeof path, "/proc/%d/root%s", *pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return dwfl_linux_proc_find_elf(module, user, name, base, file_name, elf); /* deleted: out of its memory */
    *file_name = strdup(path);
    return fd;
}

static int no_debug_information(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file,
                                const char *link, GElf_Word crc, char **found)
{
    (void)module, (void)user, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)found;
    return -1;
}

static const Dwfl_Callbacks callbacks = {.find_elf = find_elf, .find_debuginfo = no_debug_information};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static uint64_t symbol_in(Dwfl_Module *module, const char *name)
{
    int count = module != NULL ? dwfl_module_getsymtab(module) : 0;
    for (int i = 1; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *found = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);
        if (found == NULL || symbol.st_shndx == SHN_UNDEF || GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
            continue;
        size_t len = strcspn(found, "@"); /* libdw may name the version */
        if (strncmp(found, name, len) == 0 && name[len] == '\0')
            return address;
    }
    return 0;
}

/* Each object's number of the process goes to find_elf. */
static int set_user(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr start, void *argument)
{
    (void)module, (void)name, (void)start;
    *user = &((struct pando_target *)argument)->pid;
    return DWARF_CB_OK;
}

static int classify(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr start, void *argument)
{
    (void)user, (void)start;
    struct pando_target *target = argument;
    Dwarf_Addr bias;
    dwfl_module_eh_cfi(module, &bias); /* now, and not while a thread is stopped */
    const char *base = base_name(name);
    if (strncmp(base, "ld-linux", 8) == 0 || strncmp(base, "ld-2", 4) == 0)
        target->loader = module;
    else if (strncmp(base, "libc.so.6", 9) == 0 || strncmp(base, "libc-2", 6) == 0)
        target->libc = module;
    else if (strncmp(base, "libdl", 5) == 0)
        target->libdl = module;
    else if (strcmp(name, target->program) == 0)
        target->program_allocates = symbol_in(module, "malloc") != 0;
    else if (name[0] == '/' && target->allocator == NULL && strncmp(base, "libpando", 8) != 0 && symbol_in(module, "malloc") != 0)
        target->allocator = module;
    return DWARF_CB_OK;
}

static bool make(struct pando_target *target, char *maps)
{
    char path[64];
    if (target->dwfl != NULL)
        dwfl_end(target->dwfl);
    free(target->maps);
    target->maps = maps;
    target->libc = target->loader = target->libdl = target->allocator = NULL;
    target->program_allocates = false;
    snprintf(path, sizeof path, "/proc/%d/exe", target->pid);
    ssize_t len = readlink(path, target->program, sizeof target->program - 1);
    target->program[len > 0 ? len : 0] = '\0';
    target->dwfl = dwfl_begin(&callbacks);
    if (target->dwfl == NULL || dwfl_linux_proc_report(target->dwfl, target->pid) != 0 ||
        dwfl_report_end(target->dwfl, NULL, NULL) != 0)
        return false;
    dwfl_getmodules(target->dwfl, set_user, target, 0);
    dwfl_getmodules(target->dwfl, classify, target, 0);
    return true;
}

struct pando_target *pando_target_open(pid_t pid, char *message, size_t message_bytes)
{
    char path[64];
    struct pando_target *target = calloc(1, sizeof *target);
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    char *maps = target != NULL ? read_maps(pid) : NULL;
    if (maps != NULL) {
        target->pid = pid;
        target->memory_fd = open(path, O_RDWR | O_CLOEXEC);
        if (make(target, maps) && target->memory_fd >= 0)
            return target;
        snprintf(message, message_bytes, "the objects of process %d cannot be read: %s.", pid, dwfl_errmsg(-1));
        pando_target_close(target);
        return NULL;
    }
    free(target);
    snprintf(message, message_bytes, "the memory of process %d cannot be looked at: %m.", pid);
    return NULL;
}

void pando_target_close(struct pando_target *target)
{
    if (target->dwfl != NULL)
        dwfl_end(target->dwfl);
    if (target->memory_fd >= 0)
        close(target->memory_fd);
    free(target->maps);
    free(target);
}

/* Compares the lines of files only: heaps and stacks come and go. */
static bool has_same_objects(const char *a, const char *b)
{
    for (;;) {
        while (*a != '\0' && memchr(a, '/', strcspn(a, "\n")) == NULL)
            a += strcspn(a, "\n"), a += *a == '\n';
        while (*b != '\0' && memchr(b, '/', strcspn(b, "\n")) == NULL)
            b += strcspn(b, "\n"), b += *b == '\n';
        size_t len = strcspn(a, "\n");
        if (len != strcspn(b, "\n") || strncmp(a, b, len) != 0)
            return false;
        if (*a == '\0' || *b == '\0')
            return *a == *b;
        a += len, b += len;
    }
}

bool pando_target_refresh(struct pando_target *target)
{
    char *maps = read_maps(target->pid);
    if (maps == NULL)
        return false;
    if (!has_same_objects(maps, target->maps))
        return make(target, maps);
    free(target->maps);
    target->maps = maps;
    return true;
}

bool pando_target_has_libc(const struct pando_target *target)
{
    return target->libc != NULL && target->loader != NULL;
}

bool pando_target_allocates_itself(const struct pando_target *target)
{
    return target->program_allocates;
}

uint64_t pando_target_function(const struct pando_target *target, const char *name)
{
    uint64_t address = symbol_in(target->libc, name);
    return address != 0 ? address : symbol_in(target->libdl, name);
}

bool pando_target_read(const struct pando_target *target, uint64_t address, void *bytes, size_t len)
{
    const struct iovec local = {bytes, len}, remote = {(void *)(uintptr_t)address, len};
    return process_vm_readv(target->pid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

bool pando_target_write(const struct pando_target *target, uint64_t address, const void *bytes, size_t len)
{
    return pwrite(target->memory_fd, bytes, len, (off_t)address) == (ssize_t)len;
}

/* Calls `visit` with each line's range and rights until it returns true. */
static bool any_mapping(const struct pando_target *target, bool (*visit)(void *context, uint64_t low, uint64_t high, const char *line),
                        void *context)
{
    for (const char *line = target->maps; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        uint64_t low, high;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &low, &high) == 2 && visit(context, low, high, line))
            return true;
    }
    return false;
}

struct range {
    const struct pando_target *target;
    uint64_t low, high;
    const void *bytes;
    size_t len;
    uint64_t found;
};

static bool holds(void *context, uint64_t low, uint64_t high, const char *line)
{
    const struct range *range = context;
    return low <= range->low && range->high <= high && strncmp(strchr(line, ' ') + 1, "rw", 2) == 0;
}

bool pando_target_is_writable(const struct pando_target *target, uint64_t low, uint64_t high)
{
    struct range range = {.low = low, .high = high};
    return any_mapping(target, holds, &range);
}

static bool has_code(void *context, uint64_t low, uint64_t high, const char *line)
{
    struct range *range = context;
    size_t len = high - low;
    if (low < range->low || low >= range->high || strchr(line, ' ')[3] != 'x' || len > CODE_BYTES_MAX)
        return false;
    char *code = malloc(len);
    if (code != NULL && pando_target_read(range->target, low, code, len)) {
        const char *at = memmem(code, len, range->bytes, range->len);
        if (at != NULL)
            range->found = low + (uint64_t)(at - code);
    }
    free(code);
    return range->found != 0;
}

uint64_t pando_target_code(const struct pando_target *target, const void *bytes, size_t len)
{
    struct range range = {.target = target, .bytes = bytes, .len = len};
    if (target->libc == NULL)
        return 0;
    dwfl_module_info(target->libc, NULL, &range.low, &range.high, NULL, NULL, NULL, NULL);
    any_mapping(target, has_code, &range);
    return range.found;
}

struct wanted {
    const char *start;
    char *path;
    size_t path_bytes;
};

static bool is_wanted(void *context, uint64_t low, uint64_t high, const char *line)
{
    (void)low, (void)high;
    const struct wanted *wanted = context;
    const char *path = memchr(line, '/', strcspn(line, "\n"));
    if (path == NULL)
        return false;
    snprintf(wanted->path, wanted->path_bytes, "%.*s", (int)strcspn(path, "\n"), path);
    return strncmp(base_name(wanted->path), wanted->start, strlen(wanted->start)) == 0;
}

bool pando_target_find_object(const struct pando_target *target, const char *name_start, char *path, size_t path_bytes)
{
    struct wanted wanted = {name_start, path, path_bytes};
    return any_mapping(target, is_wanted, &wanted);
}

static pid_t next_thread(Dwfl *dwfl, void *argument, void **thread_argument)
{
    (void)dwfl;
    struct pando_target *target = argument;
    if (*thread_argument != NULL)
        return 0;
    *thread_argument = target;
    return target->tid;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word, void *argument)
{
    (void)dwfl;
    return pando_target_read(argument, address, word, sizeof *word);
}

/* In DWARF's order. */
static bool set_registers(Dwfl_Thread *thread, void *argument)
{
    const struct pando_target *target = argument;
    const struct user_regs_struct *r = target->registers;
    const Dwarf_Word words[REGISTERS] = {r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi, r->rbp, r->rsp, r->r8,
                                         r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15, r->rip};
    if (!dwfl_thread_state_registers(thread, 0, REGISTERS, words))
        return false;
    dwfl_thread_state_register_pc(thread, r->rip);
    return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread, .memory_read = read_word, .set_initial_registers = set_registers};

static enum pando_frame_kind kind_of(const struct pando_target *target, Dwfl_Module *module)
{
    if (module == NULL)
        return PANDO_FRAME_UNKNOWN;
    if (module == target->libc || module == target->libdl)
        return PANDO_FRAME_LIBC;
    if (module == target->loader)
        return PANDO_FRAME_LOADER;
    if (module == target->allocator)
        return PANDO_FRAME_ALLOCATOR;
    const char *name = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    return name != NULL && strcmp(name, target->program) == 0 ? PANDO_FRAME_PROGRAM : PANDO_FRAME_OTHER;
}

static int on_frame(Dwfl_Frame *frame, void *argument)
{
    struct pando_target *target = argument;
    Dwarf_Addr pc;
    bool is_exact;
    if (target->frame_count == PANDO_TARGET_FRAMES_MAX || !dwfl_frame_pc(frame, &pc, &is_exact))
        return DWARF_CB_ABORT;
    if (!is_exact)
        pc--;
    Dwfl_Module *module = dwfl_addrmodule(target->dwfl, pc);
    struct pando_frame *one = &target->frames[target->frame_count++];
    one->kind = kind_of(target, module);
    one->name = module != NULL ? dwfl_module_addrname(module, pc) : NULL;
    return one->kind == PANDO_FRAME_UNKNOWN ? DWARF_CB_ABORT : DWARF_CB_OK;
}

int pando_target_stack(struct pando_target *target, pid_t tid, const struct user_regs_struct *registers, struct pando_frame *frames)
{
    target->registers = registers;
    target->tid = tid;
    target->frames = frames;
    target->frame_count = 0;
    /* The state can be attached once to a list of objects; it keeps no registers between two walks. */
    if (dwfl_pid(target->dwfl) < 0 && !dwfl_attach_state(target->dwfl, NULL, target->pid, &thread_callbacks, target))
        return -1;
    return dwfl_getthread_frames(target->dwfl, tid, on_frame, target) == 0 ? target->frame_count : -1;
}
