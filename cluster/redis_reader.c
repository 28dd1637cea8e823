/*
 * redis_reader: see redis_reader.h. hiredis has such a bound of its own from version 1 on.
 */
#include "cluster/redis_reader.h"

#include <pthread.h>
#include <stddef.h>

#include <hiredis/hiredis.h>

#if HIREDIS_MAJOR >= 1

struct redisReader *redis_reader_new(void)
{
    redisReader *reader = redisReaderCreate();

    if (reader)
        reader->maxelements = REDIS_READER_ELEMENTS_MAX;
    return reader;
}

#else

/* hiredis' own functions but for one; written once. */
static redisReplyObjectFunctions functions;
static void *(*make_array)(const redisReadTask *task, int elements);
static pthread_once_t functions_once = PTHREAD_ONCE_INIT;

/* NULL is "no memory" to the reader, which then takes no more. */
static void *make_bounded_array(const redisReadTask *task, int elements)
{
    return elements > REDIS_READER_ELEMENTS_MAX ? NULL : make_array(task, elements);
}

static void take_functions(void)
{
    redisReader *reader = redisReaderCreate();

    if (!reader)
        return; /* then there is no memory for the next one either */
    functions = *reader->fn;
    make_array = functions.createArray;
    functions.createArray = make_bounded_array;
    redisReaderFree(reader);
}

struct redisReader *redis_reader_new(void)
{
    pthread_once(&functions_once, take_functions);
    return make_array ? redisReaderCreateWithFunctions(&functions) : NULL;
}

#endif
