/** A take that is in this page alone: what it is made of, and where its room ends. */

import { expect, it, vi } from 'vitest';
import { ChunkKind, Limit } from '../../../web/src/engine/contract.gen.js';
import type { EngineChunk, EngineRecorder } from '../../../web/src/engine/engine.js';
import { BlobSink } from '../../../web/src/worker/blob-sink.js';

const MB = 1 << 20;

function sinkOf(waiting: EngineChunk[]): {
  sink: BlobSink;
  warn: ReturnType<typeof vi.fn>;
  onNoRoom: ReturnType<typeof vi.fn>;
} {
  const text = (value: object): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));
  const recorder = {
    takeChunk: () => waiting.shift() ?? null,
    timeline: () => text({ events: 1 }),
    scene: () => text({ scene: 1 }),
  } as unknown as EngineRecorder;
  const [warn, onNoRoom] = [vi.fn(), vi.fn()];
  return { sink: new BlobSink({ recorder, creationKey: 'key', warn, onNoRoom }), warn, onNoRoom };
}

function chunk(kind: number, bytes: number, fill: number): EngineChunk {
  return {
    kind,
    sequence: 0,
    offset: 0,
    bytes: new Uint8Array(bytes).fill(fill),
    startUs: 0,
    endUs: 0,
    keyframe: true,
    crc32: 0,
  };
}

it('is the pieces in their order, with the header that came last', async () => {
  const waiting = [chunk(ChunkKind.header, Limit.headerBytes, 1), chunk(ChunkKind.cluster, 10, 2)];
  const { sink } = sinkOf(waiting);
  await sink.open();
  sink.drain();
  waiting.push(
    chunk(ChunkKind.cluster, 5, 3),
    chunk(ChunkKind.cues, 4, 4),
    chunk(ChunkKind.patch, Limit.headerBytes, 9),
  );
  const { file, ...take } = await sink.finish(2_500_000);
  expect(take).toEqual({
    recordingId: '',
    duration: 2.5,
    bytes: Limit.headerBytes + 19,
    timeline: '{"events":1}',
    scene: '{"scene":1}',
  });
  const bytes = new Uint8Array(await file!.arrayBuffer());
  expect(bytes.length).toBe(take.bytes);
  expect([bytes[0], bytes[Limit.headerBytes - 1], ...bytes.slice(-9)]).toEqual([9, 9, 3, 3, 3, 3, 3, 4, 4, 4, 4]);
  expect([sink.progress, sink.leave(), sink.journalId, sink.keyIsFree]).toEqual([null, false, null, true]);
});

it('what comes after its end goes nowhere', async () => {
  const waiting = [chunk(ChunkKind.header, Limit.headerBytes, 1)];
  const { sink } = sinkOf(waiting);
  sink.drain();
  await sink.discard();
  waiting.push(chunk(ChunkKind.cluster, 10, 2));
  sink.drain();
  expect(waiting).toEqual([]);
  expect((await sink.finish(0)).bytes).toBe(Limit.headerBytes);
});

it('warns once at 128 MB, and ends the take once at 512', () => {
  const waiting = [chunk(ChunkKind.header, Limit.headerBytes, 1)];
  const { sink, warn, onNoRoom } = sinkOf(waiting);
  const seen: [warned: number, ended: number][] = [];
  for (const size of [127, 64, 64, 200, 100, 50]) {
    waiting.push(chunk(ChunkKind.cluster, size * MB, 0));
    sink.drain();
    seen.push([warn.mock.calls.length, onNoRoom.mock.calls.length]);
  }
  expect(seen).toEqual([
    [0, 0],
    [1, 0],
    [1, 0],
    [1, 0],
    [1, 1],
    [1, 1],
  ]);
  expect(warn).toHaveBeenCalledWith('backlog', expect.stringContaining('200 MB'));
});
