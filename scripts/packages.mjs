// Debian packages by purpose. A line is added by whoever needs the package; setup installs them.
/** Enough for the native presets. */
export const NATIVE_PACKAGES = [
    'build-essential', // gcc, make
    'clang-19', // fuzzers; LLVM of the Wasm toolchain
    'libclang-rt-19-dev', // libFuzzer and the sanitizers of clang-19
    'cmake', // build
    'ninja-build', // build
    'pkg-config', // finds the server's libraries
    'nasm', // libvpx's native kernels
    'perl', // libvpx's build
    'patch', // third-party builds
    'dpkg-dev', // fetches and unpacks third-party sources
    'xz-utils', // unpacks third-party sources
    'bzip2', // unpacks third-party sources
    'ca-certificates', // package downloads
    'libuv1-dev', // server: event loop
    'libmicrohttpd-dev', // server: HTTP
    'libwslay-dev', // server: WebSocket
    'libsqlite3-dev', // server: recordings
    'libssl-dev', // server: signatures, AES-GCM
    'libcurl4-openssl-dev', // server: transport to S3
];

/** For the Wasm builds, where no recent Emscripten is installed. */
export const WASM_PACKAGES = [
    'lld-19', // wasm-ld
    'llvm-19', // llvm-ar, llvm-nm, llvm-objcopy
    'node-acorn', // Emscripten's JavaScript optimizer
    'python3', // Emscripten's driver
];

/** For running: the demo, the tests and the benchmarks. */
export const RUN_PACKAGES = [
    'chromium', // demo, end-to-end tests
    'xvfb', // end-to-end test of a hidden tab
    'ffmpeg', // MP4 export of the server; checks finished files
];

/** A real S3 service on this machine: monitor, disk, gateway, and the programs that set it up. */
const CEPH_PACKAGES = ['ceph-mon', 'ceph-osd', 'radosgw', 'ceph-common'];

/** For `npm test` alone. */
export const TEST_PACKAGES = [
    'awscli', // S3 clients that the store must serve
    's3cmd', // likewise
    'python3-boto3', // likewise
    'rclone', // likewise
    'fonts-dejavu-core', // text in screenshots and banners
    'nginx', // proxy of deploy/nginx
    'caddy', // proxy of deploy/caddy
    'openssl', // their certificates
    'systemd', // systemd-analyze, for deploy/systemd
    ...CEPH_PACKAGES,
];

/** For `npm run bench` alone. */
export const BENCH_PACKAGES = [
    'libyuv-dev', // does the compositor's picture, to compare
    ...CEPH_PACKAGES, // takes the same uploads as the server, to compare
];
