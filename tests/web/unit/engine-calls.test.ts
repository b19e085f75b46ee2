/** Calls into the engine are typed from the C headers: what C would not take does not compile here (this file is type-checked). */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { EngineCalls, Pointer } from '../../../web/src/engine/contract.gen.js';

/** Never called: the compiler reads it. */
function calls(
  engine: EngineCalls,
  recorder: Pointer<'KtRecorder'>,
  uploader: Pointer<'KtUploader'>,
  handle: number,
): number[] {
  // @ts-expect-error a handle is no recorder
  engine._ktw_recorder_set_gain(handle, recorder, 1);
  // @ts-expect-error an uploader is no recorder
  engine._ktw_recorder_pause(uploader, 0, 0);
  // @ts-expect-error one number is missing
  engine._ktw_recorder_pause(recorder, 0);
  // @ts-expect-error there is no such call
  engine._ktw_recorder_rewind(recorder);
  // @ts-expect-error it gives nothing back
  const nothing: number = engine._ktw_recorder_destroy(recorder);
  return [nothing, engine._ktw_recorder_pause(recorder, 0, 0)];
}

it('every call of wasm/calls.h has its signature, and no other', () => {
  const at = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  const inC = [...at('wasm/calls.h').matchAll(/^ {4}F\([^,]+, (\w+),/gm)].map(([, name]) => name);
  const inTypes = [...at('web/src/engine/contract.gen.ts').matchAll(/^ {2}_ktw_(\w+)\(/gm)].map(([, name]) => name);
  expect(calls).toBeTypeOf('function');
  expect(inC.length).toBeGreaterThan(70);
  expect(inTypes).toEqual(inC);
});
