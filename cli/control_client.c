/* Why: cli/control_client.h. Context: own process. */
#include "cli/control_client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/process_facts.h"

#define MS 1000000ull

enum { LOOK_EACH_MS = 50, GRACE_MS = 5000 };

static const char agent_name[] = "pando", memfd_link[] = "/memfd:" PANDO_CONTROL_NAME;

static void sleep_ms(uint32_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

static bool is_agent_thread(pid_t pid, const char *tid)
{
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%s/comm", pid, tid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (fgets(name, sizeof name, file) == NULL)
        name[0] = '\0';
    fclose(file);
    name[strcspn(name, "\n")] = '\0';
    return strcmp(name, agent_name) == 0;
}

/* Opens the page in one thread's descriptors. Returns it, -ENOENT: none is there, or what the kernel says. */
static int open_page_of(pid_t pid, const char *tid)
{
    char folder[300], path[600], target[sizeof memfd_link];
    snprintf(folder, sizeof folder, "/proc/%d/task/%s/fd", pid, tid);
    DIR *list = opendir(folder);
    if (list == NULL)
        return -errno;
    int fd = -ENOENT;
    for (struct dirent *entry; fd < 0 && (entry = readdir(list)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ssize_t len = readlink(path, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        if (strcmp(target, memfd_link) == 0)
            fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 && len > 0 && strcmp(target, memfd_link) == 0)
            fd = -errno;
    }
    closedir(list);
    return fd;
}

/* -ESRCH: no thread of Pando's. */
static int find_page(pid_t pid)
{
    char folder[64];
    snprintf(folder, sizeof folder, "/proc/%d/task", pid);
    DIR *threads = opendir(folder);
    if (threads == NULL)
        return -ESRCH;
    int fd = -ESRCH;
    for (struct dirent *entry; fd < 0 && (entry = readdir(threads)) != NULL;) {
        if (entry->d_name[0] == '.' || !is_agent_thread(pid, entry->d_name))
            continue;
        fd = open_page_of(pid, entry->d_name);
    }
    closedir(threads);
    return fd;
}

bool pando_control_is_there(pid_t pid)
{
    int fd = find_page(pid);
    if (fd >= 0)
        close(fd);
    return fd != -ESRCH;
}

static int map_page(int fd, struct pando_control_client *client, char *message, size_t message_bytes)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size != PANDO_CONTROL_BYTES ||
        (fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK) == 0) { /* or a look into it could end us */
        snprintf(message, message_bytes, "Pando in process %d is of another version than this command.", client->pid);
        return PANDO_ERR_UNSUPPORTED;
    }
    void *page = mmap(NULL, PANDO_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        snprintf(message, message_bytes, "there is no memory.");
        return PANDO_ERR_NO_MEMORY;
    }
    client->page = page;
    if (client->page->magic == PANDO_CONTROL_MAGIC && client->page->version == PANDO_CONTROL_VERSION)
        return 0;
    munmap(page, PANDO_CONTROL_BYTES);
    snprintf(message, message_bytes, "Pando in process %d is of another version than this command.", client->pid);
    return PANDO_ERR_UNSUPPORTED;
}

int pando_control_connect(pid_t pid, uint32_t wait_ms, struct pando_control_client *client, char *message, size_t message_bytes)
{
    struct pando_process_facts facts;
    *client = (struct pando_control_client){.pid = pid, .fd = -1};
    if (!pando_process_facts_read(pid, &facts, message, message_bytes))
        return PANDO_ERR_NOT_FOUND;
    uint64_t deadline = pando_clock_mono_ns() + wait_ms * MS;
    int fd, error = 0;
    /* It may just be making the page: without a size, a seal, a first word. */
    while (((fd = find_page(pid)) == -ENOENT || (fd >= 0 && (error = map_page(fd, client, message, message_bytes)) != 0)) &&
           pando_clock_mono_ns() < deadline) {
        if (fd >= 0)
            close(fd);
        sleep_ms(LOOK_EACH_MS);
    }
    if (fd == -ESRCH) {
        snprintf(message, message_bytes, "Pando does not run in process %d (%s); pando attach %d starts it.", pid, facts.name, pid);
        return PANDO_ERR_NOT_FOUND;
    }
    if (fd == -ENOENT) {
        snprintf(message, message_bytes, "Pando in process %d takes no orders: it logs to stderr (PANDO_LOG), or the kernel is older than "
                 "5.9, or a filter for system calls refuses memfd_create.", pid);
        return PANDO_ERR_UNSUPPORTED;
    }
    if (fd < 0) {
        pando_process_explain_refusal(&facts, false, message, message_bytes);
        return PANDO_ERR_REFUSED;
    }
    if (error != 0)
        close(fd);
    else
        client->fd = fd;
    return error;
}

void pando_control_disconnect(struct pando_control_client *client)
{
    if (client->fd < 0)
        return;
    munmap(client->page, PANDO_CONTROL_BYTES);
    close(client->fd);
    client->fd = -1;
}

static bool wait_for_answer(struct pando_control_client *client, unsigned asked, uint64_t deadline_mono_ns, bool *ret_is_gone)
{
    unsigned seen;
    *ret_is_gone = false;
    while ((seen = atomic_load(&client->page->answered)) != asked) {
        struct timespec step = {.tv_nsec = 100 * MS};
        if (pando_clock_mono_ns() >= deadline_mono_ns)
            return false;
        if (syscall(SYS_futex, &client->page->answered, FUTEX_WAIT, seen, &step, NULL, 0) != 0 && errno == ETIMEDOUT) {
            *ret_is_gone = !pando_control_is_there(client->pid) && atomic_load(&client->page->answered) != asked;
            if (*ret_is_gone)
                return false;
        }
    }
    return true;
}

static int send_locked(struct pando_control_client *client, enum pando_control_verb verb, uint32_t number, uint32_t timeout_ms,
                       struct pando_control_answer *answer)
{
    struct pando_control_page *page = client->page;
    uint64_t deadline = pando_clock_mono_ns() + (timeout_ms + GRACE_MS) * MS;
    bool is_gone;
    /* An order of a command that ended before its answer came. */
    if (!wait_for_answer(client, atomic_load(&page->asked), deadline, &is_gone))
        return is_gone ? PANDO_ERR_NOT_FOUND : PANDO_ERR_TIMEOUT;
    page->verb = verb;
    page->number = number;
    page->timeout_ms = timeout_ms;
    unsigned asked = atomic_fetch_add(&page->asked, 1) + 1;
    atomic_fetch_add(&page->wake, 1);
    syscall(SYS_futex, &page->wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    if (!wait_for_answer(client, asked, deadline, &is_gone))
        return is_gone ? PANDO_ERR_NOT_FOUND : PANDO_ERR_TIMEOUT;
    uint32_t text_bytes = page->text_bytes < sizeof page->text ? page->text_bytes : sizeof page->text;
    memcpy(answer->text, page->text, text_bytes);
    memcpy(answer->sentence, page->sentence, sizeof answer->sentence - 1);
    return page->error;
}

int pando_control_order_send(struct pando_control_client *client, enum pando_control_verb verb, uint32_t number, uint32_t timeout_ms,
                             struct pando_control_answer *answer)
{
    uint64_t deadline = pando_clock_mono_ns() + (timeout_ms + GRACE_MS) * MS;
    *answer = (struct pando_control_answer){0};
    while (flock(client->fd, LOCK_EX | LOCK_NB) != 0) { /* one command at a time; the kernel unlocks for one that is killed */
        if (pando_clock_mono_ns() > deadline)
            return PANDO_ERR_BUSY;
        sleep_ms(LOOK_EACH_MS);
    }
    int error = send_locked(client, verb, number, timeout_ms, answer);
    flock(client->fd, LOCK_UN);
    return error;
}

void pando_control_send_beat(struct pando_control_client *client)
{
    atomic_fetch_add(&client->page->beat, 1);
}

void pando_control_value(const struct pando_control_answer *answer, const char *name, char *value, size_t value_bytes)
{
    size_t name_len = strlen(name);
    value[0] = '\0';
    for (const char *line = answer->text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, name, name_len) != 0 || line[name_len] != ' ')
            continue;
        snprintf(value, value_bytes, "%.*s", (int)strcspn(line + name_len + 1, "\n"), line + name_len + 1);
        return;
    }
}
