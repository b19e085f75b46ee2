// How each third-party library is built, for every variant: native, wasm-st, wasm-mt.
//   build({source, build, install, variant, toolchain, log}) leaves include/ and lib/ in `install`
// A change of a recipe changes the name of its prefix, so it is built anew.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { JOBS, ROOT, run } from '../scripts/lib/run.mjs';

/** Files whose content belongs to every recipe. */
export const RECIPE_FILES = ['third_party/small/CMakeLists.txt'];

const NATIVE_FLAGS = '-O3 -fPIC';

/** Compiler flags of a Wasm variant; identical for every object that is linked together. */
export function wasmFlags(variant) {
    return `-O3 -msimd128${variant === 'wasm-mt' ? ' -pthread' : ''}`;
}

/** CMake arguments that select the compiler and flags of a variant. */
function cmakeTarget({ variant, toolchain }) {
    const flags = variant === 'native' ? NATIVE_FLAGS : wasmFlags(variant);
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

export const RECIPES = {
    libvpx: {
        revision: 1,
        flags: VPX_OPTIONS,
        async build({ source, build, install, variant, log }) {
            if (variant !== 'native') throw new Error('not yet');
            const options = [...VPX_OPTIONS, `--prefix=${install}`];
            await run(join(source, 'configure'), options, { cwd: build, log });
            await run('make', [`-j${JOBS}`], { cwd: build, log });
            await run('make', ['install'], { cwd: build, log });
        },
    },
    opus: {
        revision: 1,
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
        async build({ source, install }) {
            mkdirSync(join(install, 'include'), { recursive: true });
            cpSync(join(source, 'usr/include/simde'), join(install, 'include/simde'), {
                recursive: true,
            });
        },
    },
};
