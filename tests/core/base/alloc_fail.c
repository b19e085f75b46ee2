/* The other side of the linker's --wrap: counts every allocation and fails the chosen one. */
#include "alloc_fail.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#define ALLOC_MAX_RUNS 100000

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void __real_free(void *block);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void __wrap_free(void *block);

static atomic_long alloc_count;
static atomic_long alloc_live;
static atomic_long alloc_countdown; /* 1: the next one fails; 0: disarmed */
static atomic_int alloc_sticky;     /* after the first failure all others fail too */
static atomic_int alloc_failed;

static int alloc_must_fail(void)
{
    atomic_fetch_add(&alloc_count, 1);
    if (atomic_load(&alloc_sticky) && atomic_load(&alloc_failed))
        return 1;
    if (atomic_load(&alloc_countdown) <= 0 || atomic_fetch_sub(&alloc_countdown, 1) != 1)
        return 0;
    atomic_store(&alloc_failed, 1);
    return 1;
}

static void *alloc_note(void *block)
{
    if (block)
        atomic_fetch_add(&alloc_live, 1);
    return block;
}

void *__wrap_malloc(size_t bytes)
{
    return alloc_must_fail() ? NULL : alloc_note(__real_malloc(bytes));
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return alloc_must_fail() ? NULL : alloc_note(__real_calloc(count, bytes));
}

void *__wrap_realloc(void *block, size_t bytes)
{
    if (alloc_must_fail())
        return NULL;
    void *moved = __real_realloc(block, bytes);
    return block ? moved : alloc_note(moved);
}

#ifndef __EMSCRIPTEN__
/* C++'s nothrow new, single and array, lives in a shared library that --wrap=malloc does not reach.
 * Weak: a program without the C++ runtime has neither. Such blocks are not counted as live. */
#pragma weak __real__ZnwmRKSt9nothrow_t
#pragma weak __real__ZnamRKSt9nothrow_t
void *__real__ZnwmRKSt9nothrow_t(size_t bytes, const void *tag);
void *__real__ZnamRKSt9nothrow_t(size_t bytes, const void *tag);
void *__wrap__ZnwmRKSt9nothrow_t(size_t bytes, const void *tag);
void *__wrap__ZnamRKSt9nothrow_t(size_t bytes, const void *tag);

void *__wrap__ZnwmRKSt9nothrow_t(size_t bytes, const void *tag)
{
    return alloc_must_fail() ? NULL : __real__ZnwmRKSt9nothrow_t(bytes, tag);
}

void *__wrap__ZnamRKSt9nothrow_t(size_t bytes, const void *tag)
{
    return alloc_must_fail() ? NULL : __real__ZnamRKSt9nothrow_t(bytes, tag);
}
#endif

void __wrap_free(void *block)
{
    if (block)
        atomic_fetch_sub(&alloc_live, 1);
    __real_free(block);
}

static void alloc_arm(long n, int sticky)
{
    atomic_store(&alloc_countdown, n);
    atomic_store(&alloc_sticky, sticky);
    atomic_store(&alloc_failed, 0);
}

void kt_alloc_fail_at(long n)
{
    alloc_arm(n, 0);
}

void kt_alloc_fail_from(long n)
{
    alloc_arm(n, n > 0);
}

int kt_alloc_failed(void)
{
    return atomic_load(&alloc_failed);
}

long kt_alloc_count(void)
{
    return atomic_load(&alloc_count);
}

long kt_alloc_live(void)
{
    return atomic_load(&alloc_live);
}

long kt_alloc_each(KtAllocAttempt attempt, void *context)
{
    for (long n = 1; n <= ALLOC_MAX_RUNS; n++) {
        long live = kt_alloc_live();
        kt_alloc_fail_at(n);
        int succeeded = attempt(context);
        int failed = kt_alloc_failed();
        kt_alloc_fail_at(0);
        if (kt_alloc_live() != live) {
            fprintf(stderr, "allocation %ld failed: %ld blocks leaked\n", n,
                    kt_alloc_live() - live);
            return -1;
        }
        if (!failed && !succeeded) {
            fprintf(stderr, "the attempt fails though all %ld allocations worked\n", n - 1);
            return -1;
        }
        if (!failed)
            return n - 1;
    }
    fprintf(stderr, "still failing after %d runs\n", ALLOC_MAX_RUNS);
    return -1;
}
