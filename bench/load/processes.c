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
    DEPTH_MAX = 4
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

static bool add(pid_t pid, struct process_use *use, int depth);

static void add_thread(pid_t pid, long thread, struct process_use *use, int depth)
{
    char path[PATH];
    char text[TEXT];
    snprintf(path, sizeof path, "/proc/%d/task/%ld/schedstat", (int)pid, thread);
    if (read_text(path, text))
        use->cpu_seconds += strtod(text, NULL) / 1e9;
    snprintf(path, sizeof path, "/proc/%d/task/%ld/children", (int)pid, thread);
    if (depth == DEPTH_MAX || !read_text(path, text))
        return;
    char *end = NULL;
    for (const char *at = text;; at = end) {
        const long child = strtol(at, &end, DECIMAL);
        if (end == at)
            return;
        add((pid_t)child, use, depth + 1);
    }
}

static bool add(pid_t pid, struct process_use *use, int depth)
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
            add_thread(pid, strtol(entry->d_name, NULL, DECIMAL), use, depth);
    closedir(threads);
    return true;
}

bool processes_add(pid_t pid, struct process_use *use)
{
    return add(pid, use, 0);
}
