/*
 * Sockets to a target.
 */
#include "bench/load/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    CONNECTIONS_PER_SOURCE = 10000,
    SOURCE_FIRST = 0x7f000002, /* 127.0.0.2 */
    /* IP 20, TCP 20, its timestamps option 12, which Linux sends with each segment */
    SEGMENT_HEAD = 52,
    PORT_MAX = 65535
};

static bool parse_unix(const char *path, struct target *target)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&target->address;
    const size_t length = strlen(path);
    if (length == 0 || length >= sizeof address->sun_path)
        return false;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    target->size = sizeof *address;
    snprintf(target->host, sizeof target->host, "localhost");
    return true;
}

bool target_parse(const char *text, struct target *target)
{
    memset(target, 0, sizeof *target);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, target);
    if (strncmp(text, "http://", 7) == 0)
        text += 7;
    struct sockaddr_in *address = (struct sockaddr_in *)&target->address;
    const char *colon = strrchr(text, ':');
    char host[INET_ADDRSTRLEN];
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    char *end = NULL;
    const long port = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || (*end && strcmp(end, "/") != 0) || port < 1 || port > PORT_MAX ||
        inet_pton(AF_INET, host, &address->sin_addr) != 1)
        return false;
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)port);
    target->size = sizeof *address;
    target->is_tcp = true;
    target->is_loopback = ntohl(address->sin_addr.s_addr) == INADDR_LOOPBACK;
    snprintf(target->host, sizeof target->host, "%s:%ld", host, port);
    return true;
}

/* The port is chosen at connect(), by the pair of addresses. */
static int bind_source(int fd, unsigned index)
{
    const int on = 1;
    const struct sockaddr_in source = {.sin_family = AF_INET,
                                       .sin_addr.s_addr =
                                           htonl(SOURCE_FIRST + index / CONNECTIONS_PER_SOURCE)};
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0)
        return -1;
    return bind(fd, (const struct sockaddr *)&source, sizeof source);
}

int target_connect(const struct target *target, unsigned index)
{
    const int on = 1;
    const int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (target->is_tcp && (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
                           (target->is_loopback && bind_source(fd, index) != 0)))
        goto failed;
    if (connect(fd, (const struct sockaddr *)&target->address, target->size) == 0 ||
        errno == EINPROGRESS)
        return fd;
failed:;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

uint64_t target_ip_bytes(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return 0;
    return info.tcpi_bytes_received + (uint64_t)info.tcpi_segs_in * SEGMENT_HEAD;
}
