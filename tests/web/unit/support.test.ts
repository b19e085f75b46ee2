import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isSupported } from '../../../web/src/page/support.js';
import { VERSION } from '../../../web/src/base/version.js';

const NEEDED = ['Worker', 'VideoFrame', 'AudioWorkletNode', 'OffscreenCanvas'];

beforeEach(() => {
  for (const name of NEEDED) vi.stubGlobal(name, class {});
  vi.stubGlobal('navigator', {});
});
afterEach(() => vi.unstubAllGlobals());

it('the version is that of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../web/package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(VERSION).toBe(version);
});

describe('isSupported', () => {
  it('is true with what cannot be done without, and tells the rest apart', () => {
    const { supported, missing, features } = isSupported();
    expect([supported, missing]).toEqual([true, []]);
    expect(features).toMatchObject({
      wasm: true,
      simd: true,
      threads: false,
      trackProcessor: false,
      camera: false,
      indexedDB: false,
      locks: false,
    });
  });

  it.each(NEEDED)('is false without %s, by its name', (name) => {
    vi.stubGlobal(name, undefined);
    const { supported, missing } = isSupported();
    expect([supported, missing.length, missing[0]?.toLowerCase().slice(0, 6)]).toEqual([
      false,
      1,
      name.toLowerCase().slice(0, 6),
    ]);
  });

  it('needs an engine: WebAssembly, with SIMD', () => {
    vi.stubGlobal('WebAssembly', { validate: () => false });
    expect(isSupported().missing).toEqual(['simd']);
    vi.stubGlobal('WebAssembly', undefined);
    expect(isSupported().missing).toEqual(['wasm', 'simd']);
  });

  it('needs signals that several others end, as requests to the server have', () => {
    vi.stubGlobal('AbortSignal', class {});
    expect(isSupported().missing).toEqual(['abortSignalAny']);
  });

  it('threads need an isolated page', () => {
    vi.stubGlobal('crossOriginIsolated', true);
    expect(isSupported().features.threads).toBe(true);
    vi.stubGlobal('SharedArrayBuffer', undefined);
    expect(isSupported().features.threads).toBe(false);
  });

  it('says no where even looking at the storage is forbidden, and of devices only what can be asked for', () => {
    Object.defineProperty(globalThis, 'indexedDB', {
      configurable: true,
      get: () => {
        throw new DOMException('denied', 'SecurityError');
      },
    });
    vi.stubGlobal('navigator', { mediaDevices: { getUserMedia: () => undefined }, locks: {} });
    try {
      expect(isSupported().features).toMatchObject({ indexedDB: false, camera: true, screen: false, locks: true });
    } finally {
      Reflect.deleteProperty(globalThis, 'indexedDB');
    }
  });

  it('asks the browser itself what it plays', () => {
    vi.stubGlobal('document', {
      createElement: () => ({ canPlayType: (type: string) => (type.includes('vp8') ? 'probably' : '') }),
    });
    expect(isSupported().features).toMatchObject({ playsVp8: true, playsVp9: false });
  });
});
