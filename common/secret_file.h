/*
 * secret_file: reads a key from a file of its own, such as systemd's LoadCredential makes. Must not
 * know what the key is for, and never puts any of it into an error.
 */
#ifndef PONG_COMMON_SECRET_FILE_H
#define PONG_COMMON_SECRET_FILE_H

#include <stddef.h>

/*
 * Reads the file's text into `out`, without the line's end that it may have, ended by NUL. Returns 0;
 * or -1 and a sentence in error[] that names the file: it cannot be read, is no regular file, is empty,
 * holds `size` bytes or more, or a control character; out[] is as it was then. Blocks on a disk. Any
 * thread.
 */
int secret_file_read(const char *path, char *out, size_t size, char *error, size_t error_size);

#endif
