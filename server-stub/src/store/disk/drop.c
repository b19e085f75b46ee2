/* Data that belongs to nobody any more leaves the disk: by one thread, one after the other, so that
 * whoever deletes a long take, or replaces one, does not wait for thousands of files. The queue is
 * only in memory; the trash is what tells of it after a crash. */
#include "store/disk/disk_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void disk__remove_data(StoreDisk *d, const char *data_id, const char *trash_id)
{
    char path[DISK_PATH_BYTES];
    snprintf(path, sizeof path, "data/%s", data_id);
    disk__remove_tree(d->root, path);
    snprintf(path, sizeof path, "trash/%s", trash_id);
    unlinkat(d->root, path, 0);
}

/* 1: the thread will remove it. */
static int enqueue(StoreDisk *d, const char *data_id, const char *trash_id)
{
    DiskDrop *drop = malloc(sizeof *drop);
    if (!drop)
        return 0;
    drop->next = NULL;
    snprintf(drop->data_id, sizeof drop->data_id, "%s", data_id);
    snprintf(drop->trash_id, sizeof drop->trash_id, "%s", trash_id);
    pthread_mutex_lock(&d->drops_mutex);
    int taken = d->has_dropper && !d->drops_stop && d->drop_count < DISK_MOST_DROPS;
    if (taken) {
        *d->drops_end = drop;
        d->drops_end = &drop->next;
        d->drop_count++;
        pthread_cond_broadcast(&d->drops_change);
    }
    pthread_mutex_unlock(&d->drops_mutex);
    if (!taken)
        free(drop);
    return taken;
}

void disk__sweep(StoreDisk *d, const char *data_id, const char *trash_id)
{
    if (!enqueue(d, data_id, trash_id))
        disk__remove_data(d, data_id, trash_id);
}

void disk__drop(StoreDisk *d, const char *data_id, const char *trash_id)
{
    pthread_mutex_lock(&d->lock);
    DiskPin *pin = d->pins;
    while (pin && strcmp(pin->data_id, data_id) != 0)
        pin = pin->next;
    if (pin)
        memcpy(pin->trash_id, trash_id, DISK_ID_BYTES);
    pthread_mutex_unlock(&d->lock);
    if (!pin)
        disk__sweep(d, data_id, trash_id);
}

static void *dropper_main(void *arg)
{
    StoreDisk *d = arg;
    pthread_mutex_lock(&d->drops_mutex);
    for (;;) {
        DiskDrop *drop = d->drops;
        if (!drop && d->drops_stop)
            break;
        if (!drop) {
            pthread_cond_wait(&d->drops_change, &d->drops_mutex);
            continue;
        }
        d->drops = drop->next;
        if (!d->drops)
            d->drops_end = &d->drops;
        d->drop_count--;
        d->is_dropping = 1;
        pthread_mutex_unlock(&d->drops_mutex);
        disk__remove_data(d, drop->data_id, drop->trash_id);
        free(drop);
        pthread_mutex_lock(&d->drops_mutex);
        d->is_dropping = 0;
        pthread_cond_broadcast(&d->drops_change);
    }
    pthread_mutex_unlock(&d->drops_mutex);
    return NULL;
}

void disk__settle_drops(StoreDisk *d)
{
    pthread_mutex_lock(&d->drops_mutex);
    while (d->drops || d->is_dropping)
        pthread_cond_wait(&d->drops_change, &d->drops_mutex);
    pthread_mutex_unlock(&d->drops_mutex);
}

int disk__start_drops(StoreDisk *d)
{
    pthread_mutex_init(&d->drops_mutex, NULL);
    pthread_cond_init(&d->drops_change, NULL);
    d->drops_end = &d->drops;
    d->has_dropper = pthread_create(&d->dropper, NULL, dropper_main, d) == 0;
    return d->has_dropper ? 0 : -1;
}

/* With drops_mutex held: waits for the thread to be through with its queue, but not for ever. */
static void await_drops(StoreDisk *d)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DISK_DROPS_STOP_MS / 1000;
    while (d->drops && pthread_cond_timedwait(&d->drops_change, &d->drops_mutex, &until) == 0) {
    }
}

void disk__stop_drops(StoreDisk *d)
{
    pthread_mutex_lock(&d->drops_mutex);
    if (d->has_dropper)
        await_drops(d);
    d->drops_stop = 1;
    while (d->drops) {
        DiskDrop *drop = d->drops;
        d->drops = drop->next;
        free(drop);
    }
    d->drops_end = &d->drops;
    pthread_cond_broadcast(&d->drops_change);
    pthread_mutex_unlock(&d->drops_mutex);
    if (d->has_dropper)
        pthread_join(d->dropper, NULL);
    pthread_cond_destroy(&d->drops_change);
    pthread_mutex_destroy(&d->drops_mutex);
}
