/** Trying the sound: five seconds recorded as a take would be, and a tone for the loudspeakers. */

import type { Recorder, RecorderOptions, SourceInfo } from 'keeptake';

/** Makes a recorder, as `createRecorder` of the package does. */
export type RecorderFactory = (options: RecorderOptions) => Recorder;

export const TEST_SECONDS = 5;
/** The engine comes from the cache here; beyond this something is wrong. */
const START_SECONDS = 30;

/**
 * Records the tracks for {@link TEST_SECONDS} with a recorder of its own: nothing is sent, nothing is kept. `onSecond`
 * is told how much has been recorded.
 * @throws {KeeptakeError} what keeps a take from being recorded; the signal's reason where it ended the test
 */
export async function recordTest(
  create: RecorderFactory,
  tracks: MediaStreamTrack[],
  { audioMuted, gain }: Pick<SourceInfo, 'audioMuted' | 'gain'>,
  signal: AbortSignal,
  onSecond: (seconds: number) => void,
): Promise<Blob> {
  const recorder = create({
    server: null,
    journal: false,
    title: 'Sound check',
    // Small and without threads, so that the recorder beside it is not held up.
    variant: 'single-threaded',
    codec: 'vp8',
    width: 640,
    height: 360,
    fps: 15,
    videoBitrate: 600_000,
    composition: { layout: 'grid', gap: 0, sources: [] },
  });
  const end = new Promise<never>((_resolve, reject) => {
    const give = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('The test was ended.'));
    signal.addEventListener('abort', give, { once: true });
  });
  end.catch(() => undefined);
  try {
    return await Promise.race([end, record(recorder, tracks, { audioMuted, gain }, onSecond)]);
  } finally {
    void recorder.close().catch(() => undefined);
  }
}

async function record(
  recorder: Recorder,
  tracks: MediaStreamTrack[],
  { audioMuted, gain }: Pick<SourceInfo, 'audioMuted' | 'gain'>,
  onSecond: (seconds: number) => void,
): Promise<Blob> {
  const late = new Error(`The recorder did not start within ${START_SECONDS} s.`);
  await within(START_SECONDS, late, begin(recorder, tracks, { audioMuted, gain }));
  onSecond(0);
  await new Promise<void>((resolve, reject) => {
    const off = [
      recorder.on('stats', ({ elapsed }) => {
        onSecond(Math.min(TEST_SECONDS, elapsed));
        if (elapsed >= TEST_SECONDS) {
          off.forEach((each) => each());
          resolve();
        }
      }),
      recorder.on('error', reject),
    ];
  });
  const take = await recorder.stop();
  if (take.file === undefined) {
    throw new Error('The test gave no file.');
  }
  return take.file;
}

async function begin(
  recorder: Recorder,
  tracks: MediaStreamTrack[],
  { audioMuted, gain }: Pick<SourceInfo, 'audioMuted' | 'gain'>,
): Promise<void> {
  await recorder.ready;
  await recorder.addSource(tracks, { id: 'test' });
  await recorder.setGain('test', gain);
  if (audioMuted) {
    await recorder.setMuted('test', { audio: true });
  }
  await recorder.start({ countdown: 0 });
}

async function within<T>(seconds: number, late: Error, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late), seconds * 1000);
  });
  try {
    return await Promise.race([limit, work]);
  } finally {
    clearTimeout(timer);
  }
}

const TONE = { rate: 24_000, seconds: 1.2, pitches: [440, 554.37, 659.25], gain: 0.25 } as const;

/** A soft rising tone as a WAV file. */
export function toneFile(): Blob {
  const { rate, seconds, pitches, gain } = TONE;
  const count = Math.round(rate * seconds);
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (at: number, word: string): void =>
    [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, 36 + 2 * count, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, 2 * count, true);
  const each = count / pitches.length;
  for (let i = 0; i < count; i += 1) {
    const at = i % each;
    // No edge that clicks.
    const edge = Math.min(1, at / 600, (each - at) / 2400);
    const pitch = pitches[Math.min(pitches.length - 1, Math.floor(i / each))] ?? 440;
    view.setInt16(44 + 2 * i, 32_767 * gain * edge * Math.sin((2 * Math.PI * pitch * i) / rate), true);
  }
  return new Blob([view.buffer], { type: 'audio/wav' });
}

/** Where the browser lets a page choose, lets the element play on this output; '' is the system's own. */
export async function routeTo(element: HTMLMediaElement, output: string): Promise<void> {
  if (canRoute() && (element as { sinkId?: string }).sinkId !== output) {
    await (element as { setSinkId?: (id: string) => Promise<void> }).setSinkId?.(output);
  }
}

/** This browser lets a page choose the output. */
export function canRoute(): boolean {
  return 'setSinkId' in HTMLMediaElement.prototype;
}
