/*
 * process_stats: see process_stats.h.
 */
#include "common/process_stats.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FILE_SIZE = 1024,    /* of /proc/self/stat, which is one line */
    FDS_AT_ONCE = 1024,  /* asked about by one system call */
    STAT_START_TIME = 22 /* fields of /proc/self/stat are counted from 1 */
};

/* Reads the start of a file into out, ended by NUL; "" when it cannot be read. */
static void read_file(const char *path, char out[FILE_SIZE])
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file >= 0 ? read(file, out, FILE_SIZE - 1) : 0;

    out[length > 0 ? length : 0] = '\0';
    if (file >= 0)
        close(file);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void read_memory(struct process_stats *stats)
{
    char text[FILE_SIZE];
    long long total, resident;
    long page = sysconf(_SC_PAGESIZE);

    read_file("/proc/self/statm", text);
    if (sscanf(text, "%lld %lld", &total, &resident) != 2)
        return;
    stats->virtual_bytes = total * page;
    stats->resident_bytes = resident * page;
}

/* The process' start in seconds since the boot, or -1. */
static double start_since_boot(void)
{
    char text[FILE_SIZE];
    const char *field;
    long long ticks;

    read_file("/proc/self/stat", text);
    field = strrchr(text, ')'); /* the second field, a name, may hold anything */
    for (int number = 2; field != NULL && number < STAT_START_TIME; number++)
        field = strchr(field + 1, ' ');
    if (field == NULL || sscanf(field, "%lld", &ticks) != 1)
        return -1;
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double seconds_on(clockid_t clock)
{
    struct timespec time = {0};

    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* To the second: the two clocks are not read at the same moment, and the value must not flutter. */
static double start_time(void)
{
    double since_boot = start_since_boot();

    if (since_boot < 0)
        return 0;
    return (double)(int64_t)(seconds_on(CLOCK_REALTIME) - seconds_on(CLOCK_BOOTTIME) + since_boot +
                             0.5);
}

/* Asks the kernel about many at once: 3 ms for 16,000, where listing the folder takes 10 to 20. */
int64_t process_stats_count_fds(int64_t max)
{
    struct pollfd asked[FDS_AT_ONCE];
    int64_t open = 0;

    for (int64_t first = 0; first < max; first += FDS_AT_ONCE) {
        nfds_t count = (nfds_t)(max - first < FDS_AT_ONCE ? max - first : FDS_AT_ONCE);

        for (nfds_t i = 0; i < count; i++)
            asked[i] = (struct pollfd){.fd = (int)(first + (int64_t)i)};
        if (poll(asked, count, 0) < 0)
            return 0;
        for (nfds_t i = 0; i < count; i++)
            open += !(asked[i].revents & POLLNVAL);
    }
    return open;
}

/* The size of the table of descriptors, which is more than the highest of them. */
static int64_t fd_table_size(int64_t max)
{
    char text[FILE_SIZE];
    const char *line;
    long long size;

    read_file("/proc/self/status", text);
    line = strstr(text, "FDSize:");
    return line != NULL && sscanf(line, "FDSize: %lld", &size) == 1 && size < max ? size : max;
}

static void read_fds(struct process_stats *stats)
{
    struct rlimit limit;
    struct stat folder;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        stats->max_fds = (int64_t)limit.rlim_cur;
    /*
     * Linux 6.2 and newer say it as the folder's size, with those that a waiting accept() has
     * reserved; older ones say 0.
     */
    if (stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)
        stats->open_fds = folder.st_size;
    else
        stats->open_fds = process_stats_count_fds(fd_table_size(stats->max_fds));
}

void process_stats_read(struct process_stats *stats)
{
    struct rusage usage;

    memset(stats, 0, sizeof *stats);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        stats->cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    read_memory(stats);
    read_fds(stats);
    stats->start_unix_seconds = start_time();
}
