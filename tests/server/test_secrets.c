/* The keys of a server: made once, kept, and on the disk (name and all) before they are used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "access/secrets.h"

static char dir[64], path[96];
static int file_syncs, folder_syncs_of_name; /* of the folder, while the file has its name */
static int fails_folder;

/* Stands before the one of libc. */
int fsync(int fd)
{
    struct stat info;
    assert_int_equal(fstat(fd, &info), 0);
    if (!S_ISDIR(info.st_mode)) {
        file_syncs++;
        assert_int_equal(access(path, F_OK), -1); /* it has no name yet */
    } else {
        assert_int_equal(access(path, F_OK), 0);
        if (fails_folder) {
            errno = EIO;
            return -1;
        }
        folder_syncs_of_name++;
    }
    return (int)syscall(SYS_fsync, fd);
}

static void keys_are_on_disk_before_they_are_used(void **state)
{
    Secrets first, second;
    char error[256] = "";
    struct stat info;
    (void)state;
    strcpy(dir, "/tmp/kt-secrets-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/secrets.json", dir);
    assert_int_equal(secrets_load(dir, &first, error, sizeof error), 0);
    assert_int_equal(file_syncs, 1);
    assert_int_equal(folder_syncs_of_name, 1);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(secrets_load(dir, &second, error, sizeof error), 0);
    assert_memory_equal(&first, &second, sizeof first);
    assert_int_equal(file_syncs, 1);
    unlink(path);
    fails_folder = 1;
    assert_int_equal(secrets_load(dir, &first, error, sizeof error), -1);
    assert_non_null(strstr(error, "cannot be written"));
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_are_on_disk_before_they_are_used)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
