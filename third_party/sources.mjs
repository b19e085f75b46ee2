// Every third-party source with its pinned SHA-256. Nothing of them is committed.
//   debian  source (or, with `binary: true`, binary) package that carries exactly this file
//   file    name of the file in that package
//   notices the files that a binary of it has to be accompanied by, in its top folder
//   url     upstream release for machines without apt; `urlSha256` where that archive differs
export const SOURCES = {
    libvpx: {
        version: '1.15.0',
        debian: 'libvpx',
        file: 'libvpx_1.15.0.orig.tar.xz',
        notices: ['LICENSE', 'PATENTS'],
        sha256: 'a6cfd199c5c567cfa4e6d991ec36690d9af801585b5db959c1494b5b15f821a5',
    },
    opus: {
        version: '1.5.2',
        debian: 'opus',
        file: 'opus_1.5.2.orig.tar.gz',
        notices: ['COPYING'],
        sha256: '65c1d2f78b9f2fb20082c38cbe47c951ad5839345876e46941612ee87f9a7ce1',
    },
    libwebm: {
        version: '1.0.0.29',
        debian: 'libwebm',
        file: 'libwebm_1.0.0.29.orig.tar.xz',
        notices: ['LICENSE.TXT', 'PATENTS.TXT'],
        sha256: '7867fcd8a573fa0cbff49484115595ff24463887db8f79d11fc772bb07568793',
    },
    zlib: {
        version: '1.2.13',
        debian: 'zlib',
        file: 'zlib_1.2.13.dfsg.orig.tar.bz2',
        notices: ['LICENSE'],
        sha256: '71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1',
    },
    cjson: {
        version: '1.7.15',
        debian: 'cjson',
        file: 'cjson_1.7.15.orig.tar.gz',
        notices: ['LICENSE'],
        sha256: '5308fd4bd90cef7aa060558514de6a1a4a0819974a26e6ed13973c5f624c24b2',
    },
    cmocka: {
        version: '1.1.5',
        debian: 'cmocka',
        file: 'cmocka_1.1.5.orig.tar.xz',
        sha256: 'f0ccd8242d55e2fd74b16ba518359151f6f8383ff8aef4976e48393f77bba8b6',
    },
    simde: {
        version: '0.8.2',
        debian: 'libsimde-dev',
        binary: true,
        file: 'libsimde-dev_0.8.2-3_all.deb',
        sha256: '277dcde3fb84223b7026174042646e236da42adce2fcb77031807ede8166a51e',
    },
};
