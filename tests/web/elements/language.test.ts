/** Every word comes from the table: one of marked words shows what does not. German, figures, directions. */

import { afterEach, expect, test } from 'vitest';
import { explain } from '../../../web/elements/explain.js';
import { formatAgo, formatBytes, formatSpan, formatWhen, speakTime } from '../../../web/elements/format.js';
import { addStrings, defineElements, en, languageOf, setLanguage, type Strings } from '../../../web/elements/index.js';
import { de } from '../../../web/elements/strings/de.js';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { FakeRecovery, unfinished } from '../fake-recovery.js';
import { audit, mount, until } from './fixture.js';

defineElements();
addStrings('de', de);

/** A table like this one, each of its texts in marks. */
function marked(table: object): object {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]: [string, unknown]) => {
      if (typeof value === 'string') return [key, value === '' ? '' : `⟦${value}⟧`];
      if (typeof value === 'function')
        return [key, (...args: unknown[]) => `⟦${(value as (...args: unknown[]) => string)(...args)}⟧`];
      return [key, marked(value as object)];
    }),
  );
}
addStrings('qps', marked(en) as Strings);

afterEach(() => {
  setLanguage(null);
  document.documentElement.lang = 'en';
  document.documentElement.dir = '';
});

const NAMED = ['aria-label', 'title', 'placeholder', 'alt', 'aria-valuetext', 'aria-description'];
/** Names of people, hooks and takes, and what the machine names: devices, files. */
const OTHERS = /\b(Ada|Grace|Host|Fake|fake|Episode|Keeptake|Default|device|Untitled|json)\b|^[A-Z]?[\d:.,×/ ]*$/;

/** What of an element a person reads or hears, through all shadow roots. */
function read(root: ParentNode): string[] {
  const found: string[] = [];
  for (const element of root.querySelectorAll('*')) {
    if (['STYLE', 'SCRIPT'].includes(element.tagName)) continue;
    for (const name of NAMED) found.push(element.getAttribute(name) ?? '');
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.textContent ?? '');
    if (element.shadowRoot) found.push(...read(element.shadowRoot));
  }
  return found.map((text) => text.replace(/\s+/g, ' ').trim()).filter((text) => /\p{L}{2}/u.test(text));
}

/** What `Intl` writes, in a language that it does not know. */
const FIGURES = /\d+ (hours?|minutes?|seconds?)( ago)?|\d+ \w{3} \d{4}/g;

/** Texts that no table gave. */
const strays = (root: ParentNode): string[] =>
  read(root).filter((text) => {
    let rest = text.replace(FIGURES, '');
    while (/⟦[^⟦⟧]*⟧/.test(rest)) rest = rest.replace(/⟦[^⟦⟧]*⟧/g, ' ');
    return /\p{L}{2}/u.test(rest) && !OTHERS.test(rest.trim());
  });

const TAGS = [
  'kt-state-badge',
  'kt-preview',
  'kt-stage',
  'kt-countdown',
  'kt-controls',
  'kt-paused-modal',
  'kt-layout-picker',
  'kt-background-picker',
  'kt-logo-picker',
  'kt-hooks-panel',
  'kt-sources-panel',
  'kt-device-picker',
  'kt-level',
  'kt-sound-check',
  'kt-stats',
] as const;

test.each(TAGS)('%s has no words of its own, in any state', async (tag) => {
  for (const people of [0, 2]) {
    const { element, recorder, store, root, drawn } = await mount(tag, { people });
    setLanguage('qps');
    await drawn();
    const look = async (state: string): Promise<void> => {
      await drawn();
      expect(strays(root), `${people} people, ${state}`).toEqual([]);
    };
    await look('setup');
    expect(read(root).length > 0 || tag === 'kt-countdown' || tag === 'kt-stats' || tag === 'kt-stage').toBe(true);
    if (people > 0) {
      await store.perform('kt-hook-show-request', { hook: { text: 'Ada', duration: 60 } });
      await store.perform('kt-logo-request', { image: await picture() });
      await store.perform('kt-composition-request', { composition: { ...store.composition, layout: 'spotlight' } });
      for (const more of root.querySelectorAll<HTMLElement>('[aria-expanded], .host, li button[aria-pressed]')) {
        more.focus();
        more.click();
      }
      await look('opened');
    }
    await recorder.start({ countdown: 0 });
    await until(() => recorder.state.state === 'recording', 'recording');
    await look('recording');
    await recorder.pause();
    await look('paused');
    void recorder.stop();
    await look('stopping');
    recorder.setState({ state: 'failed', error: new KeeptakeError('engine-failed', '⟦x⟧') });
    await look('failed');
    element.remove();
  }
});

async function picture(): Promise<Blob> {
  const canvas = new OffscreenCanvas(4, 4);
  canvas.getContext('2d')?.fillRect(0, 0, 4, 4);
  return canvas.convertToBlob();
}

test('neither has the recovery dialog, whatever is tried', async () => {
  const { element, root, drawn } = await mount('kt-recovery-modal');
  setLanguage('qps');
  const takes = [
    unfinished({ id: 'a' }),
    unfinished({ id: 'b', safeBytes: 0, server: null, title: '' }),
    unfinished({ id: 'c', live: true }),
  ];
  const recovery = new FakeRecovery(takes);
  element.recovery = recovery;
  await until(() => element.open, 'open');
  await drawn();
  expect(strays(root)).toEqual([]);
  const press = async (part: string): Promise<void> => {
    root.querySelector<HTMLElement>(`[data-id="a"] ${part}`)?.click();
    await drawn();
    await drawn();
    expect(strays(root), part).toEqual([]);
  };
  recovery.failNext = { name: 'salvage', error: new KeeptakeError('server-unreachable', 'x') };
  await press('.salvage');
  await press('.download');
  await press('.over');
  await press('.danger');
});

test('nor the player', async () => {
  const { element, root, drawn } = await mount('kt-player');
  setLanguage('qps');
  element.take = {
    duration: 12,
    bytes: 1_200_000,
    file: new Blob(['no video']),
    playbackUrl: () => Promise.reject(new Error('⟦x⟧')),
    scene: () => Promise.resolve(null),
  };
  await drawn();
  expect(strays(root)).toEqual([]);
  await until(() => root.querySelector('[role="alert"]') !== null, 'trouble');
  expect(strays(root)).toEqual([]);
});

test('a language is that of the element, else of what is around it, else the chosen one, else the page’s', async () => {
  const { element, root, drawn } = await mount('kt-state-badge');
  const word = async (): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve));
    await drawn();
    return root.textContent?.trim() ?? '';
  };
  expect(await word()).toBe('Setup');
  document.documentElement.lang = 'de-AT';
  expect(await word()).toBe('Vorbereitung');
  setLanguage('en');
  expect(await word()).toBe('Setup');
  const section = document.createElement('section');
  section.lang = 'de';
  element.replaceWith(section);
  section.append(element);
  expect(await word()).toBe('Vorbereitung');
  element.lang = 'en';
  expect(await word()).toBe('Setup');
  element.removeAttribute('lang');
  section.lang = 'tlh';
  expect(await word()).toBe('Setup');
  section.lang = 'not a language';
  expect(await word()).toBe('Setup');
  expect(() => setLanguage('not a language')).toThrow(RangeError);
});

test('a page changes single words', async () => {
  const { root, drawn } = await mount('kt-controls', { people: 1 });
  addStrings('en', { ...en, controls: { ...en.controls, start: 'Roll' } });
  await drawn();
  expect(root.textContent).toContain('Roll');
  addStrings('en', en);
  await drawn();
  expect(root.textContent).toContain('Start Recording');
});

test('figures are those of the language', () => {
  document.documentElement.lang = 'de';
  const now = new Date(2026, 10, 21, 14, 32).getTime();
  expect(formatBytes(13_400_000)).toBe('13,4 MB');
  expect(formatSpan(3900)).toBe('1 h 5 min');
  expect(speakTime(3661)).toBe('1 Stunde 1 Minute 1 Sekunde');
  expect(formatAgo(new Date(now - 2 * 3_600_000), now)).toBe('vor 2 Stunden');
  expect(formatWhen(new Date(now - 86_400_000), now)).toBe('gestern, 14:32');
  expect(formatWhen(new Date(now - 9 * 86_400_000), now)).toContain('12.11.2026');
  expect(languageOf().percent(0.256)).toBe('26 %');
  expect(formatBytes(13_400_000, languageOf(Object.assign(document.createElement('p'), { lang: 'en' })))).toBe(
    '13.4 MB',
  );
});

test('German is whole: no text is left in English, and trouble is told in it', () => {
  const same: string[] = [];
  const compare = (a: object, b: object, path: string): void => {
    for (const [key, value] of Object.entries(a)) {
      const other = (b as Record<string, unknown>)[key];
      if (typeof value === 'object') compare(value as object, other as object, `${path}.${key}`);
      else if (typeof value === 'string' && value === other && value.includes(' ')) same.push(`${path}.${key}`);
    }
  };
  compare(en, de, '');
  expect(same).toEqual(['.hooks.textSample']);
  document.documentElement.lang = 'de';
  for (const code of Object.keys(en.trouble)) {
    expect(explain(code, 'x', 'recording').what).toBe(de.trouble[code as keyof typeof de.trouble].what);
  }
  expect(explain('unauthorized', 'The token has expired.', 'recording').what).toBe(de.taking.tokenExpired);
  expect(explain('brand-new', 'Its own words.', 'recording')).toEqual({
    what: 'Its own words.',
    safe: de.taking.goesOn,
    todo: '',
  });
});

test('right to left: nothing is wider than its place, and boxes stand mirrored', async () => {
  for (const tag of [
    'kt-controls',
    'kt-sources-panel',
    'kt-hooks-panel',
    'kt-device-picker',
    'kt-layout-picker',
  ] as const) {
    document.documentElement.dir = 'rtl';
    const { element, root, drawn } = await mount(tag, { people: 2 });
    element.style.cssText = 'display:block;width:420px';
    await drawn();
    expect(element.scrollWidth, tag).toBeLessThanOrEqual(420);
    const rows = [...root.querySelectorAll<HTMLElement>('.row, li > .row, .pair')].filter(
      (row) => row.children.length > 1,
    );
    for (const row of rows) {
      const [first, last] = [row.firstElementChild, row.lastElementChild].map((one) => one?.getBoundingClientRect());
      if (first && last && first.top === last.top) expect(first.right, tag).toBeGreaterThan(last.right);
    }
    await audit(element);
  }
});

test('right to left: what is picked in the picture lies where it is in the picture', async () => {
  document.documentElement.dir = 'rtl';
  const { element, recorder, root, drawn } = await mount('kt-stage', { people: 2 });
  element.style.cssText = 'display:block;position:relative;width:640px;height:360px';
  element.dispatchEvent(new PointerEvent('pointerenter'));
  await drawn();
  await until(() => root.querySelectorAll('.host').length === 2, 'places');
  const stage = element.getBoundingClientRect();
  for (const { id, x, width } of await recorder.placedSources()) {
    const box = root.querySelector(`[data-id="${id}"]`)?.getBoundingClientRect();
    expect((box?.left ?? NaN) - stage.left).toBeCloseTo(x * stage.width, 0);
    expect(box?.width).toBeCloseTo(width * stage.width, 0);
  }
});
