/** The page in forced colours, in narrow windows and at large zoom: audited, nothing cut off, what counts is seen. */

import { cdp, page } from 'vitest/browser';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { button, fakeMedia, one, until } from './fixture.js';
import { FakeRecovery, unfinished } from '../fake-recovery.js';
import { audit, open, shadow, type Studio } from './studio-page.js';

/** The part of the protocol that a page cannot do for itself. */
interface Protocol {
  send(method: 'Emulation.setEmulatedMedia', wish: { features: { name: string; value: string }[] }): Promise<unknown>;
}

const still = { name: 'prefers-reduced-motion', value: 'reduce' };
const media = (...features: { name: string; value: string }[]): Promise<unknown> =>
  (cdp() as unknown as Protocol).send('Emulation.setEmulatedMedia', { features: [still, ...features] });

beforeAll(() => page.viewport(1000, 800));
afterEach(async () => {
  await media();
  await page.viewport(1000, 800);
});

async function withHost(scheme: 'light' | 'dark' = 'dark'): Promise<Studio> {
  const studio = await open(scheme);
  one<HTMLElement>(document, 'keeptake-studio').style.height = '100dvh';
  await studio.recorder.addSource(fakeMedia(), { id: 'host', name: 'Host' });
  await studio.settled();
  return studio;
}

/** Calls `look` in each state of the page that a person can be in. */
async function inEveryState(
  { root, recorder, settled }: Studio,
  look: (state: string) => Promise<void>,
): Promise<void> {
  const at = async (state: string): Promise<void> => {
    await settled();
    await look(state);
  };
  for (const tab of root.querySelectorAll<HTMLElement>('[role=tab]')) {
    tab.click();
    await at(tab.textContent?.trim() ?? 'tab');
  }
  one(root, '#tab-people').click();
  await settled();
  button(shadow(root, 'kt-sources-panel'), 'More for Host').click();
  await at('More for Host');
  const dialogs: readonly [string, string, string, string][] = [
    ['Sound check', 'studio-sound', 'dialog.check', 'Done'],
    ['Settings', 'studio-settings', 'dialog', 'Close settings'],
    ['Keys', 'studio-keys', 'dialog', 'Close'],
    ['Recordings', 'studio-library', 'dialog', 'Close recordings'],
  ];
  for (const [opener, tag, selector, closer] of dialogs) {
    button(root, opener).click();
    await at(opener);
    button(one(shadow(root, tag), selector), closer).click();
  }
  recorder.setState({ state: 'countdown', remaining: 2 });
  await at('countdown');
  recorder.setState({ state: 'recording' });
  recorder.pushStats();
  recorder.emit('warning', { code: 'upload-retrying', message: 'Held up.' });
  await at('recording');
  recorder.setState({ state: 'paused' });
  await at('paused');
  recorder.setState({ state: 'stopping', progress: 0.5 });
  recorder.pushStats({ uploadState: 'waiting' });
  await at('stopping');
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await at('stopped');
  recorder.setState({ state: 'failed', error: new KeeptakeError('engine-failed', 'It stopped.') });
  await at('failed');
}

// The palette follows the wish for light or dark. Contrast is the system's: the audit would take the text's colour
// from the page's own, which is not painted.
test.each(['dark', 'light'] as const)(
  'forced colours, %s: every state passes the audit, and the meter is seen',
  { timeout: 60_000 },
  async (scheme) => {
    await media({ name: 'forced-colors', value: 'active' }, { name: 'prefers-color-scheme', value: scheme });
    expect(matchMedia('(forced-colors: active)').matches).toBe(true);
    const studio = await withHost(scheme);
    const { root, recorder } = studio;
    recorder.emit('levels', { host: { peak: 0.5, input: 0.5, clipped: true } });
    await studio.settled();
    const level = shadow(shadow(root, 'kt-sources-panel'), 'kt-level');
    const meter = one(level, '.meter');
    // Drawn by its own colours, which are the system's: what the mode paints over would be an empty bar.
    const paint = (element: Element): string => getComputedStyle(element).backgroundColor;
    const canvas = paint(meter);
    expect(getComputedStyle(meter).borderStyle).toBe('solid');
    expect(paint(one(level, 'i'))).not.toBe(canvas);
    await until(() => paint(one(level, '.clip.on')) !== canvas, 'the mark of clipping');
    expect(one(level, 'i').getBoundingClientRect().height).toBeGreaterThan(4);
    await inEveryState(studio, () => audit(document, { 'color-contrast': { enabled: false } }));
  },
);

/** What a person cannot reach: cut off at the side, or in a part that does not scroll. */
function cutOff(root: ShadowRoot): string[] {
  const wide = document.documentElement.clientWidth;
  const faults: string[] = [];
  const visit = (scope: ParentNode): void => {
    for (const each of scope.querySelectorAll<HTMLElement>('*')) {
      if (each.shadowRoot !== null) {
        visit(each.shadowRoot);
      }
      if (!each.matches('button, input, select, a, h2, p, [role=meter], [role=tab]') || !each.checkVisibility()) {
        continue;
      }
      const box = each.getBoundingClientRect();
      if (box.width > 0 && (box.right > wide + 1 || box.left < -1) && getComputedStyle(each).clipPath === 'none') {
        faults.push(
          `${each.localName} “${(each.getAttribute('aria-label') ?? each.textContent ?? '').trim().slice(0, 30)}” from ${Math.round(box.left)} to ${Math.round(box.right)}`,
        );
      }
    }
  };
  visit(root);
  return faults;
}

/** The panel of the chosen tab can be reached: it has height, or the page scrolls to it. */
function reachable(root: ShadowRoot): boolean {
  const panel = root.querySelector('.panel');
  return panel === null || panel.getBoundingClientRect().height > 100;
}

test.each([
  [320, 640, 'a small phone'],
  [320, 256, '400 % of 1280 by 1024'],
  [700, 420, 'a phone on its side'],
  [1400, 900, 'a desk'],
] as const)(
  '%i by %i (%s): nothing is cut off in any state, in light and dark',
  { timeout: 60_000 },
  async (width, height, _what) => {
    await page.viewport(width, height);
    for (const scheme of ['dark', 'light'] as const) {
      document.body.replaceChildren();
      localStorage.clear();
      const studio = await withHost(scheme);
      const { root } = studio;
      await inEveryState(studio, async (state) => {
        expect(cutOff(root), `${state}, ${scheme}`).toEqual([]);
        expect(document.documentElement.scrollWidth, state).toBeLessThanOrEqual(width);
        expect(reachable(root), state).toBe(true);
        // Stop and mute are at hand, wherever the page is scrolled to.
        const controls = root.querySelector('kt-controls');
        if (height >= 480 && controls !== null) {
          expect(controls.getBoundingClientRect().bottom, `${state}: the controls`).toBeLessThanOrEqual(height + 1);
        }
      });
    }
  },
);

test('at 400 % the unfinished take and the trouble of a server can be read and answered', async () => {
  await page.viewport(320, 256);
  FakeRecovery.preset.takes = [unfinished({ title: 'A rather long title of an episode that goes on and on' })];
  const { root, settled } = await open();
  const modal = one<HTMLDialogElement>(shadow(root, 'kt-recovery-modal'), 'dialog');
  await until(() => modal.open, 'modal');
  await settled();
  await audit(one(root, 'kt-recovery-modal'));
  expect(modal.scrollWidth).toBeLessThanOrEqual(modal.clientWidth + 1);
  expect(modal.getBoundingClientRect().bottom).toBeLessThanOrEqual(257);
});

test('who comes and goes is said, once, and nothing is said of settings that change', async () => {
  const { root, recorder, settled } = await withHost();
  const said = (): string => shadow(root, 'studio-announcer').querySelector('[role=status]')?.textContent ?? '';
  await until(() => said() === 'Host is in the picture.', 'came');
  await recorder.addSource(fakeMedia(), { id: 'a', name: 'Ada' });
  await recorder.addSource(fakeMedia(), { id: 'b', name: 'Grace' });
  await until(() => said() === 'Ada is in the picture. Grace is in the picture.', 'two at once');
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await recorder.removeSource('a');
  await until(() => said() === 'Ada has left the picture.', 'left');
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await until(() => said().startsWith('Take saved.'), 'saved');
  await settled();
});
