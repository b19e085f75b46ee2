/** One engine instance's memory and strings, and how its failures become errors. */

import { KeeptakeError, type KeeptakeErrorCode } from '../base/errors.js';
import { Limit, PLACED_FIELDS, STATS_FIELDS, STATUS_TEXT, Status, type EngineCalls } from './contract.gen.js';

/** What Emscripten's module offers us. */
export interface EngineModule extends EngineCalls {
  readonly HEAPU8: Uint8Array;
  readonly wasmMemory?: WebAssembly.Memory;
  /** Of the threaded variant. */
  readonly PThread?: ThreadPool;
}

/** What Emscripten keeps its threads in. */
export interface ThreadPool {
  unusedWorkers: EngineThread[];
  /** Resolves when the thread has the module and its memory. */
  loadWasmModuleToWorker(thread: EngineThread): Promise<unknown>;
}

/** What Emscripten has of a thread's worker, with `onmessage` as it sets it. */
export interface EngineThread {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  terminate(): void;
}

export type EngineFactory = (options: Record<string, unknown>) => Promise<EngineModule>;

const SCRATCH_DOUBLES = Math.max(
  STATS_FIELDS.peak0 + Limit.maxSources,
  Limit.maxSources * Object.keys(PLACED_FIELDS).length,
  32,
);
const ERROR_BYTES = 512;

const CODE_OF_STATUS: Readonly<Record<number, KeeptakeErrorCode>> = {
  [Status.ERR_ARG]: 'bad-argument',
  [Status.ERR_STATE]: 'bad-state',
  [Status.ERR_ORDER]: 'bad-state',
  [Status.ERR_LIMIT]: 'limit',
  [Status.ERR_NOT_FOUND]: 'no-such-source',
  [Status.ERR_REFUSED]: 'recording-disabled',
};

/** A failed status as an error; `what` begins the sentence. */
export function statusError(status: number, what: string): KeeptakeError {
  const text = STATUS_TEXT[status] ?? `unknown status ${status}`;
  return new KeeptakeError(CODE_OF_STATUS[status] ?? 'engine-failed', `${what}: ${text}.`, {
    context: { status },
  });
}

/** Memory and strings of one engine instance. */
export class EngineHeap {
  readonly #scratch: number;
  readonly #error: number;

  constructor(readonly module: EngineModule) {
    this.#scratch = module._ktw_malloc(SCRATCH_DOUBLES * 8);
    this.#error = module._ktw_malloc(ERROR_BYTES);
  }

  get scratch(): number {
    return this.#scratch;
  }

  get buffer(): ArrayBuffer | SharedArrayBuffer {
    return this.module.wasmMemory?.buffer ?? this.module.HEAPU8.buffer;
  }

  bytes(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.buffer, pointer, length);
  }

  /** The scratch record, as the last call filled it. */
  record(count = SCRATCH_DOUBLES): Float64Array {
    return new Float64Array(this.buffer, this.#scratch, count);
  }

  /** Calls `use` with `text` as a NUL-terminated string in the heap. */
  withText<T>(text: string, use: (pointer: number, bytes: number) => T): T {
    const encoded = new TextEncoder().encode(text);
    return this.withMemory(encoded.length + 1, (pointer) => {
      const target = this.bytes(pointer, encoded.length + 1);
      target.set(encoded);
      target[encoded.length] = 0;
      return use(pointer, encoded.length);
    });
  }

  withMemory<T>(bytes: number, use: (pointer: number) => T): T {
    const pointer = this.module._ktw_malloc(bytes);
    if (pointer === 0) throw statusError(Status.ERR_MEMORY, `${bytes} bytes for the engine`);
    try {
      return use(pointer);
    } finally {
      this.module._ktw_free(pointer);
    }
  }

  /** Calls `use` with a buffer that a failing call fills with a sentence; `read` returns it. */
  withError<T>(use: (pointer: number, bytes: number, read: () => string) => T): T {
    this.bytes(this.#error, 1)[0] = 0;
    return use(this.#error, ERROR_BYTES, () => this.text(this.#error));
  }

  text(pointer: number): string {
    const all = this.bytes(pointer, this.buffer.byteLength - pointer);
    const end = all.indexOf(0);
    return new TextDecoder().decode(all.slice(0, Math.max(end, 0)));
  }

  /** What a call left in the first two fields of the scratch record, pointer and bytes: copied out and freed. */
  taken(): Uint8Array<ArrayBuffer> {
    const [pointer = 0, bytes = 0] = this.record(2);
    const copy = this.copy(pointer, bytes);
    this.module._ktw_free(pointer);
    return copy;
  }

  copy(pointer: number, length: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(length);
    out.set(this.bytes(pointer, length));
    return out;
  }
}
