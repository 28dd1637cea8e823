/*
 * Counted in thousandths, so that a millisecond's share of a slow rate is not lost.
 */
#include "common/bucket.h"

enum {
    ONE = 1000
};

void bucket_init(struct bucket *bucket, int burst, int64_t now_ms)
{
    bucket->credit = (int64_t)burst * ONE;
    bucket->at_ms = now_ms;
}

bool bucket_take(struct bucket *bucket, int per_second, int burst, int64_t now_ms)
{
    const int64_t full = (int64_t)burst * ONE;
    int64_t passed_ms = now_ms - bucket->at_ms;
    bucket->at_ms = now_ms;
    /* by division, as the product of a long time and a high rate may be too large */
    if (passed_ms > full / per_second)
        bucket->credit = full;
    else
        bucket->credit += passed_ms * per_second;
    if (bucket->credit > full)
        bucket->credit = full;
    if (bucket->credit < ONE)
        return false;
    bucket->credit -= ONE;
    return true;
}
