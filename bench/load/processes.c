/*
 * Reads /proc: schedstat of each thread (ns), statm, the children of each thread.
 */
#include "bench/load/processes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH = 128,
    TEXT = 4096,
    DECIMAL = 10,
    FAMILY_MAX = 64
};

static bool read_text(const char *path, char text[TEXT])
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const size_t length = fread(text, 1, TEXT - 1, file);
    text[length] = '\0';
    fclose(file);
    return true;
}

/* Those that are looked at; children are added behind their parents. */
struct family {
    pid_t pids[FAMILY_MAX];
    size_t count;
};

static void add_thread(pid_t pid, long thread, struct process_use *use, struct family *family)
{
    char path[PATH];
    char text[TEXT];
    snprintf(path, sizeof path, "/proc/%d/task/%ld/schedstat", (int)pid, thread);
    if (read_text(path, text))
        use->cpu_seconds += strtod(text, NULL) / 1e9;
    snprintf(path, sizeof path, "/proc/%d/task/%ld/children", (int)pid, thread);
    if (!read_text(path, text))
        return;
    char *end = NULL;
    for (const char *at = text; family->count < FAMILY_MAX; at = end) {
        const long child = strtol(at, &end, DECIMAL);
        if (end == at)
            return;
        family->pids[family->count++] = (pid_t)child;
    }
}

static bool add(pid_t pid, struct process_use *use, struct family *family)
{
    char path[PATH];
    char text[TEXT];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (!read_text(path, text))
        return false;
    const char *resident = strchr(text, ' ');
    use->rss_bytes += resident ? strtoll(resident, NULL, DECIMAL) * sysconf(_SC_PAGESIZE) : 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return false;
    for (const struct dirent *entry; (entry = readdir(threads)) != NULL;)
        if (entry->d_name[0] != '.')
            add_thread(pid, strtol(entry->d_name, NULL, DECIMAL), use, family);
    closedir(threads);
    return true;
}

bool processes_add(pid_t pid, struct process_use *use)
{
    struct family family = {.pids = {pid}, .count = 1};
    bool is_there = false;
    for (size_t i = 0; i < family.count; i++)
        is_there = add(family.pids[i], use, &family) || is_there;
    return is_there;
}
