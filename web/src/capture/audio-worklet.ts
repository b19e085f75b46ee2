/**
 * Runs in the AudioWorklet: gathers one source's sound into blocks and posts them straight to the engine's
 * worker, past the page's main thread. Plain module without imports, because worklets load one file.
 */

declare const currentFrame: number;
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: typeof AudioWorkletProcessor): void;

const BLOCK_FRAMES = 1024;

class KeeptakeTap extends AudioWorkletProcessor {
  #out: MessagePort | null = null;
  #context = 0;
  #channels: Float32Array<ArrayBuffer>[] = [];
  #filled = 0;
  #start = 0;
  #open = true;

  constructor() {
    super();
    this.port.onmessage = (event: MessageEvent<{ port?: MessagePort; context?: number; close?: true }>) => {
      if (event.data.port) this.#out = event.data.port;
      this.#context = event.data.context ?? this.#context;
      if (event.data.close) this.#open = false;
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const input = inputs[0] ?? [];
    const first = input[0];
    if (!first || !this.#out) return this.#open;
    const count = Math.min(2, input.length);
    if (this.#filled > 0 && (count !== this.#channels.length || currentFrame !== this.#start + this.#filled))
      this.#post();
    if (this.#filled === 0) {
      this.#start = currentFrame;
      this.#channels = Array.from({ length: count }, () => new Float32Array(BLOCK_FRAMES));
    }
    for (let channel = 0; channel < count; channel++) {
      const samples = input[channel];
      if (samples) this.#channels[channel]?.set(samples, this.#filled);
    }
    this.#filled += first.length;
    if (this.#filled + first.length > BLOCK_FRAMES) this.#post();
    return this.#open;
  }

  #post(): void {
    const channels =
      this.#filled === BLOCK_FRAMES ? this.#channels : this.#channels.map((samples) => samples.slice(0, this.#filled));
    this.#out?.postMessage(
      { context: this.#context, frame: this.#start, rate: sampleRate, channels },
      channels.map((samples) => samples.buffer),
    );
    this.#filled = 0;
    this.#channels = [];
  }
}

registerProcessor('keeptake-tap', KeeptakeTap);
