// How each third-party library is built, for every variant: native, wasm-st, wasm-mt.
//   build({source, build, install, variant, toolchain, log}) leaves include/ and lib/ in `install`
//   flags(variant), files(variant) and revision name the prefix: when they change, it is built anew.
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JOBS, ROOT, run } from '../scripts/lib/run.mjs';

/** Compiler flags of a variant; identical for every object that is linked together. */
export function compilerFlags(variant) {
    if (variant === 'native') return '-O3 -fPIC';
    return `-O3 -msimd128${variant === 'wasm-mt' ? ' -pthread' : ''}`;
}

/** arm_neon.h for Wasm: NEON intrinsics become Wasm SIMD through SIMDe. */
const NEON_INCLUDE = join(ROOT, 'wasm/include');
const NEON_FILES = ['arm_neon.h', 'neon_wasm.h', 'convolve8_horiz_wasm.h'].map((name) => `wasm/include/${name}`);

function cmakeTarget({ variant, toolchain }, extra = '') {
    const flags = `${compilerFlags(variant)} ${extra}`;
    return [
        '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release',
        ...(variant === 'native' ? [] : [`-DCMAKE_TOOLCHAIN_FILE=${toolchain.cmake}`]),
        `-DCMAKE_C_FLAGS=${flags}`, `-DCMAKE_CXX_FLAGS=${flags}`,
        '-DCMAKE_C_FLAGS_RELEASE=-DNDEBUG', '-DCMAKE_CXX_FLAGS_RELEASE=-DNDEBUG',
    ];
}

async function cmake(job, source, options) {
    const { build, install, log } = job;
    await run('cmake', ['-S', source, '-B', build, `-DCMAKE_INSTALL_PREFIX=${install}`,
        '-DCMAKE_INSTALL_LIBDIR=lib', ...cmakeTarget(job), ...options], { log });
    await run('cmake', ['--build', build, '-j', JOBS, '--target', 'install'], { log });
}

function small(library) {
    return {
        revision: 1,
        files: () => ['third_party/small/CMakeLists.txt'],
        flags: compilerFlags,
        build: (job) =>
            cmake(job, join(ROOT, 'third_party/small'),
                [`-DKT_LIBRARY=${library}`, `-DKT_SOURCE=${job.source}`]),
    };
}

const VPX_OPTIONS = [
    '--enable-static', '--disable-shared', '--enable-vp8', '--enable-vp9', '--enable-pic',
    '--enable-multithread', '--disable-examples', '--disable-tools', '--disable-docs',
    '--disable-unit-tests', '--disable-webm-io', '--disable-libyuv', '--disable-postproc',
    '--size-limit=16384x16384', '--disable-install-bins', '--disable-install-docs',
];

const NATIVE_ONLY = ['--enable-pic', '--enable-multithread'];

/** Wasm: libvpx's NEON intrinsics by way of SIMDe; nothing is detected at run time. */
function vpxWasmOptions(variant) {
    return [
        ...VPX_OPTIONS.filter((option) => !NATIVE_ONLY.includes(option)),
        variant === 'wasm-mt' ? '--enable-multithread' : '--disable-multithread',
        '--target=arm64-linux-gcc', '--disable-runtime-cpu-detect', '--disable-neon-dotprod',
        '--disable-neon-i8mm', '--disable-sve', '--disable-sve2',
    ];
}

/** A compiler that drops the flags only an ARM compiler knows. */
function writeVpxCompiler(file, command) {
    writeFileSync(file, [
        '#!/bin/bash',
        'args=()',
        'for a in "$@"; do case "$a" in -march=*) ;; *) args+=("$a");; esac; done',
        `exec ${command} "\${args[@]}"`,
        '',
    ].join('\n'));
    chmodSync(file, 0o755);
}

/**
 * One NEON file keeps addresses in vectors and takes AArch64 to mean that they have 64 bits; in Wasm
 * they have 32, and VP9 at speed 6 read beyond its memory. Its 32-bit branch is right.
 */
const VPX_POINTER_FILE = 'vp9/encoder/arm/neon/vp9_diamond_search_sad_neon.c';

function fixVpxPointers(source) {
    const file = join(source, VPX_POINTER_FILE);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll('VPX_ARCH_AARCH64', '(INTPTR_MAX > INT32_MAX)'));
}

/** The filter whose NEON code suits Wasm least: rows of eight pixels and more go to our own. */
const VPX_CONVOLVE_FILE = 'vpx_dsp/arm/vpx_convolve8_neon.c';
const VPX_CONVOLVE_CALL = '    convolve_8tap_horiz_neon(src - 3, src_stride, dst, dst_stride, w, h,\n                             x_filter);';

function useOwnConvolve(source) {
    const file = join(source, VPX_CONVOLVE_FILE);
    const text = readFileSync(file, 'utf8');
    if (!text.includes(VPX_CONVOLVE_CALL)) throw new Error(`${VPX_CONVOLVE_FILE} is not the one that was known`);
    const own = [
        '    if (w % 8 == 0)',
        '      kt_convolve8_horiz(src, src_stride, dst, dst_stride, filter[x0_q4], w, h);',
        '    else',
        `  ${VPX_CONVOLVE_CALL}`,
    ].join('\n');
    const include = '#include "convolve8_horiz_wasm.h"\n';
    writeFileSync(file, include + text.replace(VPX_CONVOLVE_CALL, own));
}

async function buildVpxWasm({ source, build, install, variant, toolchain, log }) {
    const include = `-isystem ${NEON_INCLUDE} -isystem ${toolchain.simde}/include`;
    const flags = `${compilerFlags(variant)} ${include} -Wno-unused-command-line-argument`;
    fixVpxPointers(source);
    useOwnConvolve(source);
    writeVpxCompiler(join(build, 'cc'), join(toolchain.bin, 'emcc'));
    writeVpxCompiler(join(build, 'cxx'), join(toolchain.bin, 'em++'));
    const env = {
        CC: join(build, 'cc'), CXX: join(build, 'cxx'), LD: join(build, 'cc'),
        AR: join(toolchain.bin, 'emar'), STRIP: 'true', NM: 'llvm-nm-19', AS: join(build, 'cc'),
    };
    const configure = [...vpxWasmOptions(variant), `--prefix=${install}`,
        `--extra-cflags=${flags}`, `--extra-cxxflags=${flags}`];
    await run(join(source, 'configure'), configure, { cwd: build, log, env });
    await run('make', [`-j${JOBS}`, 'libvpx.a'], { cwd: build, log, env });
    await run('make', ['install'], { cwd: build, log, env });
}

export const RECIPES = {
    libvpx: {
        revision: 1,
        files: (variant) => (variant === 'native' ? [] : NEON_FILES),
        flags: (variant) =>
            variant === 'native' ? VPX_OPTIONS : [...vpxWasmOptions(variant), VPX_POINTER_FILE, VPX_CONVOLVE_FILE],
        async build(job) {
            if (job.variant !== 'native') return buildVpxWasm(job);
            const { source, build, install, log } = job;
            await run(join(source, 'configure'), [...VPX_OPTIONS, `--prefix=${install}`], { cwd: build, log });
            await run('make', [`-j${JOBS}`], { cwd: build, log });
            await run('make', ['install'], { cwd: build, log });
        },
    },
    opus: {
        revision: 1,
        flags: compilerFlags,
        build: (job) =>
            cmake(job, job.source, ['-DOPUS_BUILD_PROGRAMS=OFF', '-DBUILD_TESTING=OFF',
                '-DOPUS_BUILD_SHARED_LIBRARY=OFF', '-DOPUS_STACK_PROTECTOR=OFF',
                '-DOPUS_INSTALL_PKG_CONFIG_MODULE=OFF', '-DOPUS_FORTIFY_SOURCE=OFF']),
    },
    libwebm: small('libwebm'),
    zlib: small('zlib'),
    cjson: small('cjson'),
    cmocka: small('cmocka'),
    simde: {
        revision: 1,
        flags: () => '',
        async build({ source, install }) {
            mkdirSync(join(install, 'include'), { recursive: true });
            cpSync(join(source, 'usr/include/simde'), join(install, 'include/simde'), {
                recursive: true,
            });
        },
    },
};
