/* Jobs on the embedded store in a folder of its own, whose answers can cease: for the tests of what
 * they leave behind. */
#ifndef KEEPTAKE_TEST_DISK_JOBS_RIG_H
#define KEEPTAKE_TEST_DISK_JOBS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "db/blocking.h"
#include "faulty_store.h"
#include "jobs/jobs.h"
#include "store/disk/blocking.h"
#include "take/scan.h"
#include "take_file.h"

#define PART 65536

static const Log silent;

typedef struct DiskJobs {
    Jobs jobs;
    JobPolicy policy;
    StoreDisk *disk;
    FaultyStore faulty;
    char dir[64];
} DiskJobs;

static inline void open_all(DiskJobs *d)
{
    const StoreDiskConfig config = {.least_part_bytes = 100};
    const StoreDiskAccess access = {"http://127.0.0.1:1", FAULTY_BUCKET, "r", "a", "s"};
    char path[96], error[256] = "";
    Db *db;
    snprintf(path, sizeof path, "%s/store", d->dir);
    assert_int_equal(
        store_disk_open(uv_default_loop(), path, &config, &d->disk, error, sizeof error), 0);
    d->faulty.store = faulty_calls;
    d->faulty.disk = d->disk;
    assert_int_equal(store_disk_as_store(d->disk, &access, &d->faulty.inner), 0);
    break_store(&d->faulty, FAULT_NONE, 0);
    snprintf(path, sizeof path, "%s/db", d->dir);
    assert_int_equal(db_open(uv_default_loop(), path, &db, error, sizeof error), 0);
    const JobPorts ports = {uv_default_loop(), db, &d->faulty.store, NULL, &silent};
    jobs_init(&d->jobs, &ports, &d->policy);
}

static inline void close_all(DiskJobs *d)
{
    jobs_stop(&d->jobs);
    db_close(&d->jobs.ports.db);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_null(d->jobs.salvages);
    assert_null(d->jobs.locks.first);
    assert_int_equal(d->jobs.running, 0);
    d->faulty.inner->destroy(d->faulty.inner);
    store_disk_close(&d->disk);
}

static inline void settle(DiskJobs *d)
{
    do {
        uv_run(uv_default_loop(), UV_RUN_NOWAIT);
        usleep(200);
    } while (d->jobs.running > 0 || db_backlog(d->jobs.ports.db) > 0);
}

static inline int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* Many small files that are synced: in memory where there is a place for it. */
static inline void make_all(DiskJobs *d)
{
    int in_memory = access("/dev/shm", W_OK) == 0;
    strcpy(d->dir, in_memory ? "/dev/shm/kt-jobs-XXXXXX" : "/tmp/kt-jobs-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    d->policy = (JobPolicy){.empty_age_s = 86400,
                            .cleanup_age_s = 7 * 86400,
                            .salvage_after_s = 86400,
                            .salvage_age_s = 30 * 86400};
    open_all(d);
}

static inline void remove_all(DiskJobs *d)
{
    close_all(d);
    nftw(d->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
