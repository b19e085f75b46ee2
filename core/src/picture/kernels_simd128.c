/* The SIMD kernels for WebAssembly. */
#include "kernels.h"

extern const KtKernels kt__kernels_simd128;
#define KT_SIMD_TABLE kt__kernels_simd128
#include "kernels_simd.h"
