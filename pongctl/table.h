/*
 * table: rows of text in aligned columns. It must not know what is in them.
 */
#ifndef PONG_PONGCTL_TABLE_H
#define PONG_PONGCTL_TABLE_H

#include <stddef.h>

enum {
    TABLE_COLUMNS_MAX = 12
};

struct table_column {
    const char *title;
    size_t columns_max; /* on the terminal; longer text is cut; 0: never */
    int is_number;      /* aligned to the right */
};

struct table {
    const struct table_column *columns; /* `column_count`, the caller's */
    size_t column_count;
    char **cells; /* row by row */
    size_t cell_count, cell_max;
    int failed; /* out of memory: the table is not whole */
};

/* Begins a table with its titles as first row. `columns` is kept. */
void table_begin(struct table *table, const struct table_column *columns, size_t column_count);

/* Adds the next cell, which is made fit for a terminal; NULL or "" is shown as "-". */
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints all rows, two blanks between columns, and frees the table. Returns 0, or -1 when memory was
 * short: then nothing is printed. */
int table_end(struct table *table);

#endif
