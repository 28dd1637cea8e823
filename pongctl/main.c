/*
 * pongctl: the operator's tool. Reads what is asked for, has it done, prints what came of it.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "common/log.h"
#include "pongctl/arguments.h"
#include "pongctl/commands.h"
#include "pongctl/gamed_call.h"
#include "pongctl/show.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2
};

/* JSON is printed in ASCII alone, so that nothing in it means anything to a terminal. */
static int print_document(const struct arguments *arguments, const json_t *document)
{
    int failed;
    if (arguments->json) {
        failed = json_dumpf(document, stdout,
                            JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
        putchar('\n');
    } else {
        failed = show_document(arguments, document);
    }
    if (fflush(stdout) == 0 && !ferror(stdout) && !failed)
        return 0;
    fprintf(stderr, "pongctl: the answer could not be printed\n");
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct gamed_call call;
    json_t *document = NULL;
    char error[512];
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    signal(SIGPIPE, SIG_IGN);
    log_init("pongctl", LOG_LEVEL_ERROR);
    switch (arguments_read(argc, argv, &arguments, error, sizeof error)) {
    case ARGUMENTS_RUN:
        break;
    case ARGUMENTS_DONE:
        return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
    case ARGUMENTS_BAD:
        fprintf(stderr, "pongctl: %s\n", error);
        return EXIT_USAGE;
    }
    int status = gamed_call_open(&call, arguments.control);
    if (status == GAMED_CALL_OK)
        status = commands_run(&arguments, &call, &document);
    gamed_call_close(&call);
    if (document && print_document(&arguments, document) != 0 && status == 0)
        status = EXIT_FAILED;
    if (status != 0 && call.error[0])
        fprintf(stderr, "pongctl: %s\n", call.error);
    json_decref(document);
    return status;
}
