import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Status } from '../../../web/src/engine/contract.gen.js';
import type { EngineFrame, EngineHeap } from '../../../web/src/engine/engine.js';
import type { SourceMedia } from '../../../web/src/protocol/messages.js';
import { Preview } from '../../../web/src/worker/preview.js';
import { hostForEach, type HostFixture } from './host-fixture.js';

vi.hoisted(() =>
  Object.assign(globalThis, {
    OffscreenCanvas: class {
      getContext = (): null => null;
    },
  }),
);

let life: HostFixture;

/** A camera's pictures that never come; `ended` is called when nobody wants them any more. */
function camera(ended = (): void => undefined): SourceMedia {
  const frames = new ReadableStream<VideoFrame>({ cancel: ended });
  return { hasVideo: true, hasAudio: false, mayStandStill: false, picturesMuted: false, frames };
}

const add = (id: string, media: SourceMedia): Promise<void> =>
  Promise.resolve().then(() => life.host.handlers.addSource({ id, name: '', showName: false, screen: false, media }));

hostForEach((fresh) => (life = fresh));

describe('a source', () => {
  it('that finds no place leaves no camera tapped', async () => {
    const refusing = new Proxy(life.engine.module, {
      get: (module, name) =>
        name === '_ktw_recorder_add_source' ? () => Status.ERR_LIMIT : (Reflect.get(module, name) as unknown),
    });
    vi.stubGlobal('engineOfThisTest', refusing);
    await life.open({ server: null });
    const ended = vi.fn();
    const { port1, port2 } = new MessageChannel();
    const closed = new Promise((resolve) => port2.addEventListener('close', resolve));
    await expect(add('a', { ...camera(ended), audio: port1 })).rejects.toMatchObject({ code: 'limit' });
    expect(ended).toHaveBeenCalledTimes(1);
    await closed;
  });

  it('that is replaced when it is gone leaves none either', async () => {
    await life.open({ server: null });
    const ended = vi.fn();
    await expect(
      Promise.resolve().then(() => life.host.handlers.replaceSource({ id: 'a', media: camera(ended) })),
    ).rejects.toMatchObject({ code: 'no-such-source' });
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it('has its time anew when it is plugged in again', async () => {
    await life.open({ server: null });
    await add('a', camera());
    await life.pass(3100);
    expect(life.warnings()).toEqual(['source-stalled']);
    await life.host.handlers.replaceSource({ id: 'a', media: camera() });
    await life.pass(1600);
    expect([life.warnings().length, life.stats()?.stalledSources]).toEqual([1, []]);
    await life.pass(1500);
    expect(life.warnings()).toEqual(['source-stalled', 'source-stalled']);
  });

  it('of sound alone is not ended any more when sound comes again', async () => {
    await life.open({ server: null });
    const sound = (): MessagePort => new MessageChannel().port1;
    await add('a', { hasVideo: false, hasAudio: true, mayStandStill: false, picturesMuted: false, audio: sound() });
    life.host.sourceEnded('a');
    await life.host.handlers.connectSound({ id: 'a', audio: sound() });
    life.host.sourceEnded('a');
    expect(life.warnings()).toEqual(['source-ended', 'source-ended']);
  });
});

it('levels are told 20 times a second while somebody wants them', async () => {
  await life.open({ server: null });
  const told = (): number => life.told.filter(({ notice }) => notice === 'levels').length;
  const { port1, port2 } = new MessageChannel();
  await add('a', { hasVideo: false, hasAudio: true, mayStandStill: false, picturesMuted: false, audio: port1 });
  port2.postMessage({ context: 1, frame: 0, rate: 48000, channels: [Float32Array.from({ length: 1024 }, () => 1)] });
  await life.pass(10);
  await life.host.handlers.updateSource({ id: 'a', changes: { gain: 0.5 } });
  life.host.wantLevels(true);
  await life.pass(1000);
  expect(told()).toBe(20);
  expect(life.told.find((each) => each.notice === 'levels')).toMatchObject({
    levels: { a: { peak: 0.5, input: 1, clipped: true } },
  });
  expect(life.told.findLast((each) => each.notice === 'levels')).toMatchObject({
    levels: { a: { peak: 0, input: 0, clipped: false } },
  });
  life.host.wantLevels(false);
  await life.pass(1000);
  expect(told()).toBe(20);
});

describe('the preview', () => {
  const frame: EngineFrame = {
    width: 16,
    height: 16,
    planes: [0, 256, 320],
    strides: [16, 8, 8],
  } as unknown as EngineFrame;
  const heap = { bytes: (_at: number, bytes: number) => new Uint8Array(bytes) } as unknown as EngineHeap;
  let drawn = 0;
  const canvas = {
    width: 16,
    height: 16,
    getContext: () => ({ drawImage: () => drawn++ }),
  } as unknown as OffscreenCanvas;
  /** A second of pictures. */
  const second = (preview: Preview): number => {
    drawn = 0;
    for (let picture = 0; picture < 30; picture++) {
      preview.offer(
        { heap, frame, matrix: 'bt709', nowUs: () => performance.now() * 1000, dueUs: Infinity },
        () => undefined,
      );
      vi.advanceTimersByTime(1000 / 30);
    }
    return drawn;
  };

  beforeEach(() =>
    vi.stubGlobal(
      'VideoFrame',
      class {
        close = (): void => undefined;
      },
    ),
  );

  it('costs next to nothing while nobody can see it', () => {
    const preview = new Preview();
    preview.attach(1, canvas);
    expect(second(preview)).toBe(30);
    preview.hidden = true;
    expect(second(preview)).toBeLessThanOrEqual(1);
    preview.hidden = false;
    expect(second(preview)).toBe(30);
  });

  it('lets go of the pixels of a canvas that the page has let go of', () => {
    const preview = new Preview();
    preview.attach(1, canvas);
    preview.forget(1);
    expect([canvas.width, canvas.height, second(preview)]).toEqual([0, 0, 0]);
  });
});
