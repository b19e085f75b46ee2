/* The SIMD kernels for 64-bit ARM. */
#include "kernels.h"

extern const KtKernels kt__kernels_neon;
#define KT_SIMD_TABLE kt__kernels_neon
#include "kernels_simd.h"
