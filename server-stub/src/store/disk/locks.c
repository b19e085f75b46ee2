/* A lock for each upload that is being worked on. There are as many as threads can need at once, so
 * that none has to be allocated and two uploads never wait for each other. */
#include "store/disk/disk_internal.h"

#include <stdio.h>
#include <string.h>

void disk__init_locks(StoreDisk *d)
{
    pthread_mutex_init(&d->locks_mutex, NULL);
    pthread_cond_init(&d->lock_free, NULL);
    for (int i = 0; i < DISK_UPLOAD_LOCKS; i++)
        pthread_mutex_init(&d->upload_locks[i].mutex, NULL);
}

void disk__destroy_locks(StoreDisk *d)
{
    for (int i = 0; i < DISK_UPLOAD_LOCKS; i++)
        pthread_mutex_destroy(&d->upload_locks[i].mutex);
    pthread_cond_destroy(&d->lock_free);
    pthread_mutex_destroy(&d->locks_mutex);
}

/* With locks_mutex held: the one that has this ID, or one that nobody uses; NULL: there is none. */
static DiskUploadLock *choose(StoreDisk *d, const char id[DISK_ID_BYTES])
{
    DiskUploadLock *unused = NULL;
    for (int i = 0; i < DISK_UPLOAD_LOCKS; i++) {
        DiskUploadLock *lock = &d->upload_locks[i];
        if (lock->users > 0 && strcmp(lock->id, id) == 0)
            return lock;
        if (lock->users == 0)
            unused = lock;
    }
    return unused;
}

DiskUploadLock *disk__lock_upload(StoreDisk *d, const char *upload_id)
{
    char id[DISK_ID_BYTES]; /* of another length it is no upload's: which lock does not matter */
    DiskUploadLock *lock;
    snprintf(id, sizeof id, "%.*s", DISK_ID_BYTES - 1, upload_id);
    pthread_mutex_lock(&d->locks_mutex);
    while (!(lock = choose(d, id)))
        pthread_cond_wait(&d->lock_free, &d->locks_mutex);
    if (lock->users++ == 0)
        memcpy(lock->id, id, sizeof id);
    pthread_mutex_unlock(&d->locks_mutex);
    pthread_mutex_lock(&lock->mutex);
    return lock;
}

void disk__unlock_upload(StoreDisk *d, DiskUploadLock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
    pthread_mutex_lock(&d->locks_mutex);
    if (--lock->users == 0)
        pthread_cond_signal(&d->lock_free);
    pthread_mutex_unlock(&d->locks_mutex);
}
