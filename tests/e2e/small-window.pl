#!/usr/bin/perl
# A TCP connection with the smallest buffers that the system gives, which node cannot ask for: what comes from it goes to
# standard output, standard input goes to it. Who does not read our output soon stops the sender at the other end.
#
# Usage: small-window.pl PORT    (of 127.0.0.1)
use strict;
use warnings;
use Socket;

use constant SMALLEST => 2048;       # bytes; the kernel has its own minimum
use constant AT_A_TIME => 512;

my ($port) = @ARGV;
socket(my $peer, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($peer, SOL_SOCKET, SO_RCVBUF, SMALLEST) or die "SO_RCVBUF: $!";
setsockopt(STDOUT, SOL_SOCKET, SO_SNDBUF, SMALLEST);    # node's pipes are sockets
connect($peer, sockaddr_in($port, inet_aton('127.0.0.1'))) or die "connect: $!";

my $writer = fork() // die "fork: $!";
if ($writer == 0) {
    while (sysread(STDIN, my $bytes, 65536)) {
        my $at = 0;
        while ($at < length $bytes) {
            $at += syswrite($peer, $bytes, length($bytes) - $at, $at) || exit 0;
        }
    }
    shutdown($peer, 2);
    exit 0;
}
while (sysread($peer, my $bytes, AT_A_TIME)) {
    my $at = 0;
    while ($at < length $bytes) {
        $at += syswrite(STDOUT, $bytes, length($bytes) - $at, $at) || last;
    }
}
kill 'TERM', $writer;
waitpid $writer, 0;
