/* The SIMD kernels for x86. */
#include "kernels.h"

extern const KtKernels kt__kernels_sse41;
#define KT_SIMD_TABLE kt__kernels_sse41
#include "kernels_simd.h"
