/* The time of day. */
#include "base/clock.h"

#include <stddef.h>
#include <sys/time.h>

int64_t clock_now_us(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000000 + now.tv_usec;
}
