/* Makes the n-th allocation of a test program fail, and counts allocations and live blocks.
 *
 * Every test in tests/core is linked with --wrap for malloc, calloc, realloc, free and C++'s
 * nothrow new, so that the engine and the static libraries below it are covered. Counting is
 * always on and works in any thread; failing is armed by the calls below.
 *
 *   static int attempt(void *context)
 *   {
 *       KtMixer *m = NULL;
 *       KtStatus status = kt_mixer_create(&m);
 *       kt_mixer_destroy(&m);
 *       return status == KT_OK;
 *   }
 *   ...
 *   assert_true(kt_alloc_each(attempt, NULL) > 0); */
#ifndef KEEPTAKE_TEST_ALLOC_FAIL_H
#define KEEPTAKE_TEST_ALLOC_FAIL_H

#ifdef __cplusplus
extern "C" {
#endif

/* The n-th allocation from now returns NULL, the others work; n counts from 1, 0 disarms.
 * A realloc that fails leaves its block alone, as the standard says. */
void kt_alloc_fail_at(long n);

/* The n-th allocation from now and all after it return NULL; 0 disarms. */
void kt_alloc_fail_from(long n);

/* Nonzero when an allocation was made to fail since the last arming. */
int kt_alloc_failed(void);

/* Allocations asked for since the program began (malloc, calloc, realloc, nothrow new). The
 * difference of two calls shows whether the code between them allocates. */
long kt_alloc_count(void);

/* Blocks allocated and not yet freed. The difference of two calls shows a leak. */
long kt_alloc_live(void);

/* Builds, uses and destroys the object under test; everything it allocated must be freed again.
 * Returns nonzero when all calls succeeded, 0 when one reported the failure. */
typedef int (*KtAllocAttempt)(void *context);

/* Runs attempt with the first allocation failing, then with the second, and so on until a run
 * meets no failure. Each of them must leave no block behind, and the last one must succeed.
 * Returns how many allocations were made to fail, or -1 after printing what was wrong. Some
 * libraries shrug off a failed allocation, so an attempt that succeeds all the same is no error.
 * Gives up with -1 after 100,000 runs. */
long kt_alloc_each(KtAllocAttempt attempt, void *context);

#ifdef __cplusplus
}
#endif
#endif
