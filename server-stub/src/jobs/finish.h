/* The task that ends steps which could not be ended. */
#ifndef KEEPTAKE_SERVER_JOBS_FINISH_H
#define KEEPTAKE_SERVER_JOBS_FINISH_H

#include "jobs/jobs.h"

/* Makes its kind known to the runner; by jobs_init. */
void jobs_add_finish(Jobs *jobs);

#endif
