/*
 * show: a command's document as people read it. It must not ask gamed anything.
 */
#ifndef PONG_PONGCTL_SHOW_H
#define PONG_PONGCTL_SHOW_H

#include <jansson.h>

#include "pongctl/arguments.h"

/* Prints the document to standard output. Returns 0, or -1 when memory is short. */
int show_document(const struct arguments *arguments, const json_t *document);

#endif
