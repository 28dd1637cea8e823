/*
 * redis_server: see redis_server.h.
 */
#include "tests/unit/redis_server.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cluster/redis_link.h"

/* Far more than any machine needs. */
enum {
    PATIENCE_MS = 20000,
    PAUSE_MS = 10
};

/* Debian's redis-tools has the server under the second name; it goes by what it is called. */
static const char *const programs[] = {"redis-server", "redis-check-rdb"};

static bool is_in_path(const char *program)
{
    char *folders = strdup(getenv("PATH") ? getenv("PATH") : "");
    char *next = NULL;
    bool is_found = false;

    for (char *folder = strtok_r(folders, ":", &next); folder && !is_found;
         folder = strtok_r(NULL, ":", &next)) {
        char path[512];

        snprintf(path, sizeof path, "%s/%s", folder, program);
        is_found = access(path, X_OK) == 0;
    }
    free(folders);
    return is_found;
}

bool redis_server_is_there(void)
{
    if (is_in_path(programs[0]) || is_in_path(programs[1]))
        return true;
    fprintf(stderr, "skipped: there is no redis-server (Debian: apt-get install redis-tools)\n");
    return false;
}

static void wait_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
}

static void run(struct redis_server *server)
{
    const char *words[REDIS_SERVER_ARGS_MAX + 16] = {
        "redis-server",
        "--port",
        "0",
        "--unixsocket",
        server->socket,
        "--dir",
        server->directory,
        "--save",
        "",
        "--logfile",
        "redis.log",
        "--daemonize",
        "no",
    };
    int count = 13;

    for (int i = 0; server->args[i]; i++)
        words[count++] = server->args[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(programs[0], (char *const *)words);
    execvp(programs[1], (char *const *)words);
    _exit(127);
}

static int connect_to(const struct redis_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", server->socket);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = PATIENCE_MS / 1000},
               sizeof(struct timeval));
    return fd;
}

const char *redis_server_ask(const struct redis_server *server, const char *command)
{
    static char answer[65536];
    int fd = connect_to(server);
    ssize_t got = -1;

    answer[0] = '\0';
    if (fd < 0)
        return answer;
    if (dprintf(fd, "%s\r\n", command) > 0)
        got = recv(fd, answer, sizeof answer - 1, 0);
    close(fd);
    answer[got < 0 ? 0 : got] = '\0';
    return answer;
}

static void launch(struct redis_server *server)
{
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        run(server);
    for (int waited = 0; waited < PATIENCE_MS; waited += PAUSE_MS) {
        const char *answer = redis_server_ask(server, "PING");

        /* -NOAUTH is an answer too. */
        if (answer[0] == '+' || (answer[0] == '-' && strncmp(answer, "-LOADING", 8) != 0))
            return;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            server->pid = 0;
            break;
        }
        wait_a_little();
    }
    fail_msg("redis-server in %s does not answer; its words are in redis.log there",
             server->directory);
}

void redis_server_start(struct redis_server *server, const char *const *args)
{
    memset(server, 0, sizeof *server);
    snprintf(server->directory, sizeof server->directory, "/tmp/pong-redis-XXXXXX");
    assert_non_null(mkdtemp(server->directory));
    snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->directory);
    snprintf(server->url, sizeof server->url, "unix://%s", server->socket);
    for (int i = 0; args && args[i] && i + 1 < REDIS_SERVER_ARGS_MAX; i++)
        server->args[i] = args[i];
    launch(server);
}

struct redis_link *redis_server_link(const struct redis_server *server)
{
    struct redis_link *link = NULL;

    assert_int_equal(redis_link_new(&(struct redis_link_config){server->url, "", "a-test"}, &link),
                     REDIS_LINK_OK);
    for (int waited = 0; waited < PATIENCE_MS && redis_link_open(link) != REDIS_LINK_OK;
         waited += PAUSE_MS)
        wait_a_little();
    assert_true(redis_link_is_open(link));
    return link;
}

void redis_server_restart(struct redis_server *server)
{
    assert_int_equal(server->pid, 0);
    launch(server);
}

void redis_server_kill(struct redis_server *server)
{
    if (server->pid == 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void redis_server_pause(struct redis_server *server)
{
    int status = 0;

    assert_int_equal(kill(server->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(server->pid, &status, WUNTRACED), server->pid);
    assert_true(WIFSTOPPED(status));
}

void redis_server_resume(struct redis_server *server)
{
    assert_int_equal(kill(server->pid, SIGCONT), 0);
}

void redis_server_stop(struct redis_server *server)
{
    char command[128];

    redis_server_kill(server);
    if (server->directory[0] == '\0')
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", server->directory);
    if (system(command) != 0) /* NOLINT(cert-env33-c): a path of our own making */
        fprintf(stderr, "%s could not be removed\n", server->directory);
    server->directory[0] = '\0';
}
