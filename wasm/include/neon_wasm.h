/* NEON intrinsics as Wasm SIMD where SIMDe 0.8.2 falls back to loops over lanes, which compilers
 * leave as dozens of instructions: libvpx's transforms, filters and transposes are made of these.
 *
 * Each gives what SIMDe's own gives for every input, or says in its comment for which: that is all
 * libvpx uses. tests/core/codec/test_neon.c compares the two on edge values.
 *
 * kt_in_TYPE() and kt_out_TYPE() pass between NEON's types, which are SIMDe's, and v128_t. Vectors
 * of 64 bits are the low halves of such. */
#ifndef KT_NEON_WASM_H
#define KT_NEON_WASM_H

#include <wasm_simd128.h>

#define KT__NEON static inline __attribute__((always_inline, unused))

/* ---- between the types ---- */

#define KT__NEON_TYPE(type)                                                                        \
    KT__NEON v128_t kt_in_##type(type##_t a)                                                       \
    {                                                                                              \
        return simde_##type##_to_private(a).v128;                                                  \
    }                                                                                              \
    KT__NEON type##_t kt_out_##type(v128_t v)                                                      \
    {                                                                                              \
        simde_##type##_private r;                                                                  \
        r.v128 = v;                                                                                \
        return simde_##type##_from_private(r);                                                     \
    }
KT__NEON_TYPE(uint8x16)
KT__NEON_TYPE(uint16x8)
KT__NEON_TYPE(uint32x4)
KT__NEON_TYPE(int16x8)
KT__NEON_TYPE(int32x4)
KT__NEON_TYPE(int64x2)
KT__NEON_TYPE(uint64x2)
#undef KT__NEON_TYPE

/* A vector of 64 bits in the low half of a register; what is above does not matter. */
KT__NEON v128_t kt_widen_s16(int16x4_t a)
{
    return kt_in_int16x8(vcombine_s16(a, a));
}

KT__NEON int16x4_t kt_low_s16(v128_t v)
{
    return vget_low_s16(kt_out_int16x8(v));
}

/* ---- multiplication ---- */

/* (2 * a * b + 2^15) >> 16, saturated: one instruction. */
KT__NEON int16x8_t kt_vqrdmulhq_s16(int16x8_t a, int16x8_t b)
{
    return kt_out_int16x8(wasm_i16x8_q15mulr_sat(kt_in_int16x8(a), kt_in_int16x8(b)));
}

KT__NEON int16x4_t kt_vqrdmulh_s16(int16x4_t a, int16x4_t b)
{
    return kt_low_s16(wasm_i16x8_q15mulr_sat(kt_widen_s16(a), kt_widen_s16(b)));
}

/* (2 * a * b + 2^31) >> 32, as (a * b + 2^30) >> 31 in 64 bits. Both INT32_MIN, the one product
 * that saturates, ends at INT32_MIN in the low half and is set right. */
KT__NEON int32x4_t kt_vqrdmulhq_s32(int32x4_t a, int32x4_t b)
{
    const v128_t x = kt_in_int32x4(a), y = kt_in_int32x4(b);
    const v128_t half = wasm_i64x2_splat(INT64_C(1) << 30), least = wasm_i32x4_splat(INT32_MIN);
    const v128_t low = wasm_u64x2_shr(wasm_i64x2_add(wasm_i64x2_extmul_low_i32x4(x, y), half), 31);
    const v128_t high =
        wasm_u64x2_shr(wasm_i64x2_add(wasm_i64x2_extmul_high_i32x4(x, y), half), 31);
    const v128_t both = wasm_v128_and(wasm_i32x4_eq(x, least), wasm_i32x4_eq(y, least));
    return kt_out_int32x4(wasm_v128_xor(wasm_i32x4_shuffle(low, high, 0, 2, 4, 6), both));
}

KT__NEON int32x4_t kt_vmull_s16(int16x4_t a, int16x4_t b)
{
    return kt_out_int32x4(wasm_i32x4_extmul_low_i16x8(kt_widen_s16(a), kt_widen_s16(b)));
}

/* ---- sums of neighbours ---- */

KT__NEON uint16x8_t kt_vpaddlq_u8(uint8x16_t a)
{
    return kt_out_uint16x8(wasm_u16x8_extadd_pairwise_u8x16(kt_in_uint8x16(a)));
}

KT__NEON uint32x4_t kt_vpaddlq_u16(uint16x8_t a)
{
    return kt_out_uint32x4(wasm_u32x4_extadd_pairwise_u16x8(kt_in_uint16x8(a)));
}

/* ---- half sums and differences, rounded down ---- */

/* a + b is twice the bits they share and once those they don't: no bit more than 16 is needed. */
KT__NEON int16x8_t kt_vhaddq_s16(int16x8_t a, int16x8_t b)
{
    const v128_t x = kt_in_int16x8(a), y = kt_in_int16x8(b);
    return kt_out_int16x8(
        wasm_i16x8_add(wasm_v128_and(x, y), wasm_i16x8_shr(wasm_v128_xor(x, y), 1)));
}

/* Likewise a - b: what they don't share, less twice what only b has. */
KT__NEON int16x8_t kt_vhsubq_s16(int16x8_t a, int16x8_t b)
{
    const v128_t x = kt_in_int16x8(a), y = kt_in_int16x8(b);
    return kt_out_int16x8(
        wasm_i16x8_sub(wasm_i16x8_shr(wasm_v128_xor(x, y), 1), wasm_v128_andnot(y, x)));
}

/* ---- transposes: one shuffle for each result, not one for each lane ---- */

#define KT__NEON_TRANSPOSE(name, type, even, odd)                                                  \
    KT__NEON type##x2_t kt_##name(type##_t a, type##_t b)                                          \
    {                                                                                              \
        const simde_##type##_private x = simde_##type##_to_private(a);                             \
        const simde_##type##_private y = simde_##type##_to_private(b);                             \
        simde_##type##_private r;                                                                  \
        type##x2_t out;                                                                            \
        r.values = __builtin_shufflevector(x.values, y.values, KT__NEON_LIST even);                \
        out.val[0] = simde_##type##_from_private(r);                                               \
        r.values = __builtin_shufflevector(x.values, y.values, KT__NEON_LIST odd);                 \
        out.val[1] = simde_##type##_from_private(r);                                               \
        return out;                                                                                \
    }
#define KT__NEON_LIST(...) __VA_ARGS__
#define KT__EVEN_2 (0, 2)
#define KT__ODD_2 (1, 3)
#define KT__EVEN_4 (0, 4, 2, 6)
#define KT__ODD_4 (1, 5, 3, 7)
#define KT__EVEN_8 (0, 8, 2, 10, 4, 12, 6, 14)
#define KT__ODD_8 (1, 9, 3, 11, 5, 13, 7, 15)
#define KT__EVEN_16 (0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define KT__ODD_16 (1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)
KT__NEON_TRANSPOSE(vtrn_u8, uint8x8, KT__EVEN_8, KT__ODD_8)
KT__NEON_TRANSPOSE(vtrn_u16, uint16x4, KT__EVEN_4, KT__ODD_4)
KT__NEON_TRANSPOSE(vtrn_s16, int16x4, KT__EVEN_4, KT__ODD_4)
KT__NEON_TRANSPOSE(vtrn_u32, uint32x2, KT__EVEN_2, KT__ODD_2)
KT__NEON_TRANSPOSE(vtrn_s32, int32x2, KT__EVEN_2, KT__ODD_2)
KT__NEON_TRANSPOSE(vtrnq_u8, uint8x16, KT__EVEN_16, KT__ODD_16)
KT__NEON_TRANSPOSE(vtrnq_u16, uint16x8, KT__EVEN_8, KT__ODD_8)
KT__NEON_TRANSPOSE(vtrnq_s16, int16x8, KT__EVEN_8, KT__ODD_8)
KT__NEON_TRANSPOSE(vtrnq_u32, uint32x4, KT__EVEN_4, KT__ODD_4)
KT__NEON_TRANSPOSE(vtrnq_s32, int32x4, KT__EVEN_4, KT__ODD_4)
#undef KT__NEON_TRANSPOSE

#define KT__NEON_PICK(name, type, first, second)                                                   \
    KT__NEON type##_t kt_##name(type##_t a, type##_t b)                                            \
    {                                                                                              \
        return kt_out_##type(wasm_i64x2_shuffle(kt_in_##type(a), kt_in_##type(b), first, second)); \
    }
KT__NEON_PICK(vtrn1q_s64, int64x2, 0, 2)
KT__NEON_PICK(vtrn2q_s64, int64x2, 1, 3)
KT__NEON_PICK(vtrn1q_u64, uint64x2, 0, 2)
KT__NEON_PICK(vtrn2q_u64, uint64x2, 1, 3)
#undef KT__NEON_PICK

/* ---- rounding shifts that narrow; n is a constant ---- */

/* A shift for which the code below is not exact does not compile. */
#define KT__NEON_SHIFT(n, least, most)                                                             \
    __attribute__((diagnose_if((n) < (least) || (n) > (most), "no such shift here", "error")))

/* The low halves of (a + 2^(n-1)) >> n: n 1..16. The sum may wrap: what is kept lies below that. */
KT__NEON int16x4_t kt_round_s32(int32x4_t a, int n) KT__NEON_SHIFT(n, 1, 16)
{
    const v128_t sum = wasm_i32x4_add(kt_in_int32x4(a), wasm_i32x4_splat(1 << (n - 1)));
    const v128_t shifted = wasm_i32x4_shr(sum, (uint32_t)n);
    return kt_low_s16(wasm_i16x8_shuffle(shifted, shifted, 0, 2, 4, 6, 0, 2, 4, 6));
}

/* (a + 2^(n-1)) >> n, saturated to 0..255. n 1..7: the sum saturates at 32767, which is then over
 * 255 all the same. */
KT__NEON uint8x8_t kt_round_saturate_s16(int16x8_t a, int n) KT__NEON_SHIFT(n, 1, 7)
{
    const v128_t sum =
        wasm_i16x8_add_sat(kt_in_int16x8(a), wasm_i16x8_splat((int16_t)(1 << (n - 1))));
    const v128_t shifted = wasm_i16x8_shr(sum, (uint32_t)n);
    return vget_low_u8(kt_out_uint8x16(wasm_u8x16_narrow_i16x8(shifted, shifted)));
}

/* ---- in their places ---- */

#undef vqrdmulhq_s16
#define vqrdmulhq_s16 kt_vqrdmulhq_s16
#undef vqrdmulh_s16
#define vqrdmulh_s16 kt_vqrdmulh_s16
#undef vqrdmulhq_s32
#define vqrdmulhq_s32 kt_vqrdmulhq_s32
#undef vmull_s16
#define vmull_s16 kt_vmull_s16
#undef vmull_n_s16
#define vmull_n_s16(a, n) kt_vmull_s16(a, vdup_n_s16(n))
#undef vmlal_s16
#define vmlal_s16(s, a, b) vaddq_s32(s, kt_vmull_s16(a, b))
#undef vmlal_n_s16
#define vmlal_n_s16(s, a, n) vaddq_s32(s, kt_vmull_s16(a, vdup_n_s16(n)))
#undef vmlsl_s16
#define vmlsl_s16(s, a, b) vsubq_s32(s, kt_vmull_s16(a, b))
#undef vmlsl_n_s16
#define vmlsl_n_s16(s, a, n) vsubq_s32(s, kt_vmull_s16(a, vdup_n_s16(n)))
#undef vpaddlq_u8
#define vpaddlq_u8 kt_vpaddlq_u8
#undef vpadalq_u8
#define vpadalq_u8(s, a) vaddq_u16(s, kt_vpaddlq_u8(a))
#undef vpaddlq_u16
#define vpaddlq_u16 kt_vpaddlq_u16
#undef vpadalq_u16
#define vpadalq_u16(s, a) vaddq_u32(s, kt_vpaddlq_u16(a))
#undef vhaddq_s16
#define vhaddq_s16 kt_vhaddq_s16
#undef vhsubq_s16
#define vhsubq_s16 kt_vhsubq_s16
#undef vtrn_u8
#define vtrn_u8 kt_vtrn_u8
#undef vtrn_u16
#define vtrn_u16 kt_vtrn_u16
#undef vtrn_s16
#define vtrn_s16 kt_vtrn_s16
#undef vtrn_u32
#define vtrn_u32 kt_vtrn_u32
#undef vtrn_s32
#define vtrn_s32 kt_vtrn_s32
#undef vtrnq_u8
#define vtrnq_u8 kt_vtrnq_u8
#undef vtrnq_u16
#define vtrnq_u16 kt_vtrnq_u16
#undef vtrnq_s16
#define vtrnq_s16 kt_vtrnq_s16
#undef vtrnq_u32
#define vtrnq_u32 kt_vtrnq_u32
#undef vtrnq_s32
#define vtrnq_s32 kt_vtrnq_s32
#undef vtrn1q_s64
#define vtrn1q_s64 kt_vtrn1q_s64
#undef vtrn2q_s64
#define vtrn2q_s64 kt_vtrn2q_s64
#undef vtrn1q_u64
#define vtrn1q_u64 kt_vtrn1q_u64
#undef vtrn2q_u64
#define vtrn2q_u64 kt_vtrn2q_u64
#undef vrshrn_n_s32
#define vrshrn_n_s32(a, n) kt_round_s32(a, n)
#undef vqrshrun_n_s16
#define vqrshrun_n_s16(a, n) kt_round_saturate_s16(a, n)

#undef KT__NEON_SHIFT
#undef KT__NEON
#endif
