/** `<kt-player>`, on a file that the browser itself recorded. */

import { beforeAll, expect, test } from 'vitest';
import { page } from 'vitest/browser';
import type { PlayableTake } from '../../../web/elements/index.js';
import { emptyScene } from '../fake-recorder.js';
import { audit, button, mount, one, until, type Fixture } from './fixture.js';

let file: Blob;

beforeAll(async () => {
  const canvas = document.createElement('canvas');
  canvas.width = 160;
  canvas.height = 90;
  const context = canvas.getContext('2d')!;
  const paint = setInterval(() => {
    context.fillStyle = `hsl(${performance.now() % 360} 50% 50%)`;
    context.fillRect(0, 0, 160, 90);
  }, 30);
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: 'video/webm;codecs=vp8' });
  const data = new Promise<Blob>((resolve) => {
    recorder.ondataavailable = (event) => resolve(event.data);
  });
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  recorder.stop();
  clearInterval(paint);
  file = await data;
});

type Player = Fixture<HTMLElementTagNameMap['kt-player']>;

async function player(patch: Partial<PlayableTake> = {}): Promise<Player & { video: () => HTMLVideoElement }> {
  const fixture = await mount('kt-player');
  fixture.element.style.cssText = 'width:640px;height:420px';
  fixture.element.take = {
    duration: 1.5,
    bytes: file.size,
    file,
    playbackUrl: async () => '',
    scene: async () => emptyScene(1.5, { width: 640, height: 360 }),
    ...patch,
  };
  await fixture.drawn();
  return { ...fixture, video: () => one<HTMLVideoElement>(fixture.root, 'video') };
}

const ready = (p: { video: () => HTMLVideoElement }): Promise<void> => until(() => p.video().readyState >= 2, 'video');

const press = (element: Element, key: string): void =>
  void element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }));

test('it passes the audit, with and without the scene', async () => {
  const p = await player();
  await ready(p);
  await audit(p.element);
  button(p.root, 'Scene JSON').click();
  await p.drawn();
  await audit(p.element);
});

test('it plays and pauses', async () => {
  const p = await player();
  await ready(p);
  p.video().muted = true;
  button(p.root, 'Play').click();
  await until(() => !p.video().paused && p.video().currentTime > 0, 'playing');
  await p.drawn();
  button(p.root, 'Pause').click();
  await until(() => p.video().paused, 'paused');
});

test('keys seek and change the speed, inside the limits', async () => {
  const p = await player();
  await ready(p);
  press(p.element, 'End');
  await until(() => p.video().currentTime > 1, 'end');
  press(p.element, 'ArrowLeft');
  expect(p.element.time).toBe(0);
  for (let i = 0; i < 9; i += 1) {
    press(p.element, '>');
  }
  expect(p.video().playbackRate).toBe(2);
  for (let i = 0; i < 9; i += 1) {
    press(p.element, '<');
  }
  expect(p.video().playbackRate).toBe(0.5);
  await until(() => !p.video().seeking, 'sought');
  await p.drawn();
  expect(one<HTMLInputElement>(p.root, '[aria-label=Seek]').getAttribute('aria-valuetext')).toContain('0 seconds of');
});

test('the speed menu offers 0.5 to 2', async () => {
  const p = await player();
  const speeds = [...one<HTMLSelectElement>(p.root, '[aria-label=Speed]').options].map((o) => Number(o.value));
  expect([speeds[0], speeds.at(-1)]).toEqual([0.5, 2]);
});

test('the scene is shown as JSON; a scene that fails says so', async () => {
  const p = await player();
  button(p.root, 'Scene JSON').click();
  await until(() => p.root.querySelector('pre')?.textContent?.includes('"version": 1') ?? false, 'scene');
  button(p.root, 'Scene JSON').click();
  await p.drawn();
  expect(p.root.querySelector('pre')).toBeNull();
  const bad = await player({ scene: () => Promise.reject(new Error('The server does not answer.')) });
  button(bad.root, 'Scene JSON').click();
  await until(() => bad.root.querySelector('pre')?.textContent?.includes('does not answer') ?? false, 'reason');
});

test('an address that ran out is renewed once, then the trouble is told', async () => {
  let asked = 0;
  const p = await player({
    file: undefined,
    playbackUrl: async () => {
      asked += 1;
      return asked === 1 ? '/no-such-file.webm' : URL.createObjectURL(file);
    },
  });
  await until(() => asked === 2, 'second address');
  await p.drawn();
  await ready(p);
  expect(p.root.querySelector('[role=alert]')).toBeNull();
  const bad = await player({ file: undefined, playbackUrl: async () => '/no-such-file.webm' });
  await until(() => bad.root.querySelector('[role=alert]') !== null, 'message');
  expect(one(bad.root, '[role=alert]').textContent).toContain('It is still stored.');
});

test('each address that runs out in the middle is renewed: playing goes on there, as quiet as it was', async () => {
  let asked = 0;
  const p = await player({
    file: undefined,
    playbackUrl: async () => {
      asked += 1;
      return URL.createObjectURL(file);
    },
  });
  await ready(p);
  // Browsers tell of the time some times a second, a busy one later still: an address may end in between.
  p.root.addEventListener('timeupdate', (event) => event.stopPropagation(), true);
  p.video().muted = true;
  button(p.root, 'Play').click();
  let last = 0;
  for (const round of [2, 3]) {
    // A busy machine may look away until a short file is over.
    p.video().loop = true;
    await until(() => !p.video().seeking && p.video().currentTime > last + 0.1, 'it plays');
    const before = p.video();
    last = before.currentTime;
    before.dispatchEvent(new Event('error'));
    await until(() => p.root.querySelector('video') !== null && p.video() !== before, `renewed, ${round}`);
    p.video().loop = true;
    await until(() => !p.video().paused, `plays on, ${round}`);
    expect([asked, p.video().muted, p.root.querySelector('[role=alert]')]).toEqual([round, true, null]);
    await until(() => p.video().currentTime >= last - 0.05, 'where it was');
  }
});

test('while a slider is dragged every seek comes to its picture, and the last one stands', async () => {
  const p = await player();
  await ready(p);
  let begun = 0;
  let seen = 0;
  p.video().addEventListener('seeking', () => (begun += 1));
  p.video().addEventListener('seeked', () => (seen += 1));
  for (let i = 1; i <= 20; i += 1) {
    p.element.seek(i * 0.05);
  }
  expect(p.element.time).toBeCloseTo(1, 5);
  await until(() => !p.video().seeking && Math.abs(p.video().currentTime - 1) < 0.01, 'the last wish');
  await until(() => seen === begun, 'seen');
  expect(begun).toBe(2);
  expect(p.element.time).toBeCloseTo(1, 2);
});

test('what cannot be read where it stopped is told; Try again goes on there', async () => {
  let asked = 0;
  const p = await player({
    file: undefined,
    playbackUrl: async () => {
      asked += 1;
      return asked === 2 ? '/no-such-file.webm' : URL.createObjectURL(file);
    },
  });
  await ready(p);
  p.element.seek(0.7);
  await until(() => !p.video().seeking, 'sought');
  p.video().dispatchEvent(new Event('error'));
  await until(() => p.root.querySelector('[role=alert]') !== null, 'told');
  button(p.root, 'Try again').click();
  await until(
    () => asked === 3 && p.root.querySelector('video') !== null && Math.abs(p.video().currentTime - 0.7) < 0.01,
    'there again',
  );
  expect(p.video().paused).toBe(true);
});

test('a take whose address cannot be had offers another try', async () => {
  let fail = true;
  const p = await player({
    file: undefined,
    playbackUrl: async () => {
      if (fail) {
        throw new Error('The server does not answer.');
      }
      return URL.createObjectURL(file);
    },
  });
  await until(() => p.root.querySelector('[role=alert]') !== null, 'message');
  fail = false;
  button(p.root, 'Try again').click();
  await until(() => p.root.querySelector('video') !== null, 'video');
  await ready(p);
});

test.each(['input', 'textarea'])('keys typed into a %s that the page put into the player stay there', async (tag) => {
  const p = await player();
  await ready(p);
  const field = document.createElement(tag);
  field.slot = 'actions';
  p.element.append(field);
  for (const key of ['m', ' ', 'ArrowRight']) {
    const event = new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true });
    field.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(false);
  }
  expect(p.video().muted).toBe(false);
});

test('in a narrow window its buttons are icons, and their words do not widen the page', async () => {
  await page.viewport(390, 844);
  try {
    const p = await player();
    p.element.style.cssText = 'width:366px;height:420px';
    await p.drawn();
    for (const name of ['Scene JSON', 'Download']) {
      const shown = button(p.root, name);
      const words = one<HTMLElement>(shown, 'span').getBoundingClientRect();
      expect(words.right, name).toBeLessThanOrEqual(shown.getBoundingClientRect().right);
    }
  } finally {
    await page.viewport(1000, 800);
  }
});
