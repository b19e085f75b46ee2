/* The time of day: the one place that asks for it. */
#ifndef KEEPTAKE_SERVER_BASE_CLOCK_H
#define KEEPTAKE_SERVER_BASE_CLOCK_H

#include <stdint.h>

/* Unix time, microseconds; jumps where the machine's clock is set. */
int64_t clock_now_us(void);

#endif
