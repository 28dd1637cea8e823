/*
 * target: an address that load goes to: unix:PATH, ADDRESS:PORT or http://ADDRESS:PORT; sockets to it,
 * and what the kernel counted of them. It must not know what is said over them.
 */
#ifndef PONG_BENCH_LOAD_TARGET_H
#define PONG_BENCH_LOAD_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    TARGET_HOST_MAX = 64
};

struct target {
    struct sockaddr_storage address;
    socklen_t size;
    bool is_tcp, is_loopback;
    char host[TARGET_HOST_MAX]; /* for the Host header */
};

/* Reads one. False when the text is none: an address is numeric, no name. */
bool target_parse(const char *text, struct target *target);

/*
 * A non-blocking socket on its way to the target; -1 with errno when there is none. Over TCP to
 * 127.0.0.1 connection number `index` comes from 127.0.0.2 and up, 10,000 from each, as an address has
 * 28,000 ports to offer, some of which wait for their end.
 */
int target_connect(const struct target *target, unsigned index);

/* Bytes that came over a TCP connection so far, every segment with its IP and TCP head. */
uint64_t target_ip_bytes(int fd);

#endif
