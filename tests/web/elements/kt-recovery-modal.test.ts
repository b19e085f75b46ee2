/** `<kt-recovery-modal>`. */

import { userEvent } from 'vitest/browser';
import { afterEach, expect, test, vi } from 'vitest';
import type { KtRecoveryModal } from '../../../web/elements/index.js';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import type { FinishedTake, UnfinishedTake } from '../../../web/src/base/types.js';
import { FakeRecovery, unfinished } from '../fake-recovery.js';
import { audit, button, mount, one, until } from './fixture.js';

interface Opened {
  element: KtRecoveryModal;
  recovery: FakeRecovery;
  root: ShadowRoot;
  dialog: HTMLDialogElement;
  drawn: () => Promise<void>;
  /** Names of the events so far, with what they carry. */
  events: [string, unknown][];
}

const EVENTS = ['kt-salvaged', 'kt-started-over', 'kt-start-over-undone', 'kt-recovery-error'];

async function open(takes: UnfinishedTake[], set: (recovery: FakeRecovery) => void = () => {}): Promise<Opened> {
  const { element, root, drawn } = await mount('kt-recovery-modal');
  const events: [string, unknown][] = [];
  for (const name of EVENTS) {
    element.addEventListener(name, (event) => events.push([name, (event as CustomEvent).detail]));
  }
  const recovery = new FakeRecovery(takes);
  set(recovery);
  element.recovery = recovery;
  await until(() => recovery.listed > 0, 'listed');
  await drawn();
  await drawn();
  return { element, recovery, root, dialog: one<HTMLDialogElement>(root, 'dialog'), drawn, events };
}

const text = (root: ParentNode, selector: string): string =>
  (one(root, selector).textContent ?? '').replace(/\s+/g, ' ').trim();

/** A picture of one colour. */
function picture(): Promise<Blob> {
  const canvas = new OffscreenCanvas(32, 18);
  canvas.getContext('2d')?.fillRect(0, 0, 9, 9);
  return canvas.convertToBlob({ type: 'image/jpeg' });
}

afterEach(() => {
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

test('nothing unfinished: nothing opens', async () => {
  const { dialog, events } = await open([]);
  expect(dialog.open).toBe(false);
  expect(events).toEqual([]);
});

test('a list that cannot be read opens nothing and says so in an event', async () => {
  const error = new Error('no storage');
  const { dialog, events } = await open([unfinished()], (recovery) => {
    recovery.failNext = { name: 'list', error };
  });
  expect(dialog.open).toBe(false);
  expect(events).toEqual([['kt-recovery-error', error]]);
});

test('a storage that was only slow is asked again, and its takes are shown', async () => {
  const error = new KeeptakeError('storage-unavailable', 'slow');
  const { recovery, dialog, events } = await open([unfinished()], (recovery) => {
    recovery.failNext = { name: 'list', error };
  });
  expect(dialog.open).toBe(false);
  await vi.waitFor(() => expect(dialog.open).toBe(true), { timeout: 8000 });
  expect([recovery.listed, events]).toEqual([2, [['kt-recovery-error', error]]]);
});

test('one take: what, when, how long, how much is safe; it passes the audit', async () => {
  const { element, recovery, dialog, root } = await open([unfinished({ picture: await picture() })]);
  expect(recovery.prepared).toBe(1);
  expect(dialog.matches(':modal')).toBe(true);
  expect(text(root, 'h2')).toBe('Your take is still here');
  expect(text(root, 'h3')).toBe('Episode 12');
  expect(text(root, 'time')).toMatch(/^26 minutes ago · (today|yesterday), \d\d:\d\d$/);
  expect(text(root, '.shot span')).toBe('12:34');
  const image = one<HTMLImageElement>(root, 'img');
  expect(image.alt).toBe('Last picture of Episode 12');
  await until(() => image.naturalWidth === 32, 'picture');
  const told = '12 min 7 s safe in the store, the last 27 s only on this machine.';
  expect(text(root, '.told')).toBe(told);
  expect(one(root, '.bar').getAttribute('aria-label')).toBe(told);
  expect([...root.querySelectorAll('dl div')].map((row) => row.textContent?.replace(/\s+/g, ' ').trim())).toEqual([
    'Safe in the store 29.9 MB',
    'Only on this machine 1.1 MB',
  ]);
  expect(root.activeElement).toBe(button(root, 'Salvage'));
  await audit(element);
});

test('the shares in words: none, all, without a server', async () => {
  const { root } = await open([
    unfinished({ id: 'a', safeBytes: 0 }),
    unfinished({ id: 'b', safeBytes: 31_000_000 }),
    unfinished({ id: 'c', safeBytes: 0, server: null, recordingId: null, title: ' ' }),
  ]);
  expect([...root.querySelectorAll('.told')].map((each) => each.textContent)).toEqual([
    'Nothing of it is in the store yet: all of it is on this machine.',
    'All of it is safe in the store; only the last step is missing.',
    'It was recorded without a server: all of it is on this machine.',
  ]);
  expect([...root.querySelectorAll('h3')].map((each) => each.textContent)).toEqual([
    'Episode 12',
    'Episode 12',
    'Untitled take',
  ]);
});

test('salvage: phases and progress, then the finished take', async () => {
  let go = (): void => {};
  const { recovery, root, dialog, drawn, events } = await open([unfinished()], (fake) => {
    fake.hold = new Promise((resolve) => (go = resolve));
  });
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(recovery.calls).toEqual([['salvage', 'take-1']]);
  await until(() => text(root, '.step').includes('100 %') && text(root, '.step').includes('Step 2 of 3'), 'sent');
  expect(text(root, '.step strong')).toBe('Sending what is missing');
  expect(one<HTMLProgressElement>(root, 'progress').value).toBe(100);
  expect(text(root, '[role=status]')).toBe('Sending what is missing.');
  expect(root.activeElement).toBe(button(root, 'Cancel'));
  await audit(root.host);
  go();
  await until(() => events.length > 0, 'salvaged');
  expect(events[0]?.[0]).toBe('kt-salvaged');
  expect(events[0]?.[1] as FinishedTake).toMatchObject({ recordingId: 'rec_1', duration: 754 });
  expect(dialog.open).toBe(false);
});

test('Escape does not stop a salvage; Cancel does, and it can be repeated', async () => {
  const { recovery, root, dialog, drawn, events } = await open([unfinished()], (fake) => {
    fake.hold = new Promise(() => {});
  });
  button(root, 'Salvage').click();
  await drawn();
  for (let i = 0; i < 3; i += 1) {
    await userEvent.keyboard('{Escape}');
    await drawn();
    expect(dialog.open).toBe(true);
  }
  await until(() => text(root, '.step').includes('Step 2'), 'sending');
  button(root, 'Cancel').click();
  await until(() => root.querySelector('.note') !== null, 'told');
  expect(text(root, '.note')).toContain('What was sent stays in the store.');
  expect(root.activeElement).toBe(button(root, 'Salvage again'));
  recovery.hold = null;
  button(root, 'Salvage again').click();
  await until(() => events.length === 1, 'salvaged');
  expect(recovery.calls).toEqual([
    ['salvage', 'take-1'],
    ['salvage', 'take-1'],
  ]);
});

test('a salvage that fails says what is safe and what to do; the take stays', async () => {
  const { element, root, dialog, events } = await open([unfinished()], (fake) => {
    fake.failNext = { name: 'sending', error: new KeeptakeError('server-unreachable', 'No answer.') };
  });
  button(root, 'Salvage').click();
  await until(() => root.querySelector('.note') !== null, 'told');
  expect(text(root, '.note')).toBe(
    'The server does not answer. Nothing is lost: all of it stays where it is. Try again when it is back, or download what is here.',
  );
  expect(dialog.open).toBe(true);
  expect(events).toEqual([]);
  await audit(element);
});

test('each code of recovery has its own words', async () => {
  const seen = new Set<string>();
  for (const code of [
    'take-live',
    'take-damaged',
    'not-found',
    'upload-failed',
    'other-server',
    'storage-unavailable',
  ] as const) {
    const { root } = await open([unfinished()], (fake) => {
      fake.failNext = { name: 'salvage', error: new KeeptakeError(code, `raw ${code}`) };
    });
    button(root, 'Salvage').click();
    await until(() => root.querySelector('.note') !== null, code);
    const told = text(root, '.note');
    expect(told).not.toContain('raw');
    expect(told.length).toBeGreaterThan(60);
    // Whoever follows it keeps what may be the only copy.
    if (code === 'not-found' || code === 'other-server') expect(told).not.toMatch(/start over/i);
    seen.add(told);
  }
  expect(seen.size).toBe(6);
});

test('a take that is gone meanwhile is told of, not silently dropped', async () => {
  const { recovery, root, dialog } = await open([unfinished()]);
  recovery.takes = [];
  button(root, 'Salvage').click();
  await until(() => root.querySelector('.take') === null && root.querySelector('.note') !== null, 'told');
  expect(dialog.open).toBe(true);
  expect(text(root, '.note')).toContain('This take is not on this machine any more.');
  button(root, 'Close').click();
  expect(dialog.open).toBe(false);
});

test('Start Over asks once above a minute, and not below', async () => {
  const { recovery, root, dialog, drawn, events } = await open([
    unfinished({ id: 'long', duration: 61 }),
    unfinished({ id: 'short', duration: 60 }),
  ]);
  const over = (): HTMLButtonElement[] => [...root.querySelectorAll<HTMLButtonElement>('.over')];
  over()[0]?.click();
  await drawn();
  expect(text(root, '.ask')).toContain('1 min 1 s would be lost');
  expect(root.activeElement).toBe(button(root, 'Keep the take'));
  await audit(root.host);
  button(root, 'Keep the take').click();
  await drawn();
  expect(recovery.calls).toEqual([]);
  over()[0]?.click();
  await drawn();
  button(root, 'Discard and start over').click();
  await until(() => events.length === 1, 'started over');
  expect(events).toEqual([['kt-started-over', 'long']]);
  expect(dialog.open).toBe(true);
  over()[0]?.click();
  await until(() => events.length === 2, 'the short one at once');
  expect(recovery.calls).toEqual([
    ['startOver', 'long'],
    ['startOver', 'short'],
  ]);
  expect(recovery.undoSeconds).toBe(10);
});

test('Start Over can be undone for ten seconds, by keyboard too, and is said', async () => {
  const { element, recovery, root, dialog, drawn, events } = await open([unfinished({ id: 'a', duration: 30 })]);
  button(root, 'Start Over').click();
  await until(() => root.querySelector('.undo') !== null, 'undo is offered');
  await drawn();
  expect([dialog.open, element.takes.length]).toEqual([true, 0]);
  expect(text(root, '.undo strong')).toBe('Episode 12 is thrown away');
  expect(root.activeElement).toBe(button(root, 'Undo: keep Episode 12'));
  expect(text(root, '[role=status]')).toBe('Episode 12 was thrown away. Undo is possible for 10 seconds.');
  await audit(element);
  await userEvent.keyboard('{Enter}');
  await until(() => events.length === 2, 'undone');
  await drawn();
  expect(events).toEqual([
    ['kt-started-over', 'a'],
    ['kt-start-over-undone', 'a'],
  ]);
  expect([dialog.open, element.takes.map(({ id }) => id), root.querySelector('.undo')]).toEqual([true, ['a'], null]);
  expect(text(root, '[role=status]')).toBe('Episode 12 is back.');
  expect(root.activeElement?.textContent?.trim()).toBe('Salvage');
  // Too late is told, and the dialog waits to be read.
  recovery.undoes = false;
  button(root, 'Start Over').click();
  await until(() => root.querySelector('.undo') !== null, 'offered again');
  button(root, 'Undo: keep Episode 12').click();
  await until(() => root.querySelector('.undo') === null, 'told');
  await drawn();
  expect([text(root, '.note strong'), dialog.open]).toEqual(['It was too late to undo that.', true]);
});

test('the offer to undo ends with its time: the dialog with the last take, else the focus goes on', async () => {
  const { root, dialog, drawn } = await open([
    unfinished({ id: 'a', duration: 5 }),
    unfinished({ id: 'b', duration: 5 }),
  ]);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    root.querySelector<HTMLButtonElement>('.over')?.click();
    await until(() => root.querySelector('.undo') !== null, 'first');
    await drawn();
    vi.advanceTimersByTime(9000);
    await drawn();
    expect(text(root, '.undo p')).toBe('For good in 1 s.');
    vi.advanceTimersByTime(1000);
    await drawn();
    expect([root.querySelector('.undo'), dialog.open]).toEqual([null, true]);
    expect(root.activeElement?.textContent?.trim()).toBe('Salvage');
    root.querySelector<HTMLButtonElement>('.over')?.click();
    await until(() => root.querySelector('.undo') !== null, 'second');
    vi.advanceTimersByTime(10_000);
    await until(() => !dialog.open, 'closed');
  } finally {
    vi.useRealTimers();
  }
});

test('an element that leaves while its list is read asks no more', async () => {
  const { element, recovery, dialog } = await open([unfinished()]);
  let reads = 0;
  const list = recovery.list.bind(recovery);
  let answer = (): void => undefined;
  recovery.list = async () => {
    reads += 1;
    await new Promise<void>((resolve) => (answer = resolve));
    return list();
  };
  await until(() => reads === 1, 'the list is read again');
  element.remove();
  answer();
  await new Promise((resolve) => setTimeout(resolve, 3300));
  expect([reads, dialog.open]).toEqual([1, false]);
});

test('several takes: all listed, one at a time, the others stay', async () => {
  const takes = ['a', 'b', 'c'].map((id) => unfinished({ id, title: `Take ${id}` }));
  let go = (): void => {};
  const { element, recovery, root, dialog, drawn, events } = await open(takes, (fake) => {
    fake.hold = new Promise((resolve) => (go = resolve));
  });
  expect(text(root, 'h2')).toBe('3 takes are still here');
  await audit(element);
  root.querySelectorAll<HTMLButtonElement>('.salvage')[1]?.click();
  await drawn();
  const others = [...root.querySelectorAll<HTMLButtonElement>('.salvage, .over, .download')];
  expect(others.length).toBe(6);
  expect(others.every((each) => each.disabled)).toBe(true);
  go();
  await until(() => events.length === 1, 'salvaged');
  expect(recovery.calls).toEqual([['salvage', 'b']]);
  expect(element.takes.map((take) => take.id)).toEqual(['a', 'c']);
  await element.show();
  expect(dialog.open).toBe(true);
  expect(root.querySelectorAll('.take').length).toBe(2);
});

test('a take of another tab is named with its page, and becomes salvageable when the tab is gone', async () => {
  const page = { title: 'Evening show', url: 'http://127.0.0.1/' };
  const { element, recovery, root } = await open([unfinished({ live: true, page })]);
  expect(text(root, 'h2')).toBe('A take is being recorded');
  expect(text(root, '.note strong')).toBe('Is being recorded in another tab: Evening show');
  expect(root.querySelector('.salvage')).toBeNull();
  await audit(element);
  recovery.takes = [unfinished({ live: false })];
  await until(() => root.querySelector('.salvage') !== null, 'salvageable');
  expect(text(root, 'h2')).toBe('Your take is still here');
});

test('download what is here: the file, and what is missing in it', async () => {
  const saved: [string, string][] = [];
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    saved.push([this.download, this.protocol]);
  });
  const { recovery, root, dialog } = await open([unfinished({ title: 'Pilot: 1/2' })]);
  button(root, 'Download what is here').click();
  await until(() => root.querySelector('.note') !== null, 'told');
  expect(saved).toEqual([['Pilot 12.webm', 'blob:']]);
  expect(text(root, '.note')).toBe(
    'Downloaded 22 s of it. Not on this machine: 8 s to 12 min 20 s. Salvage brings the whole take together.',
  );
  recovery.downloaded = { ...recovery.downloaded, complete: true, missing: [], duration: 754 };
  button(root, 'Download what is here').click();
  await until(() => text(root, '.note').includes('all 12 min 34 s'), 'all of it');
  expect(dialog.open).toBe(true);
});

test('a take without a server is given as a file and stays until it is started over', async () => {
  const { element, events, root } = await open([unfinished({ recordingId: null, safeBytes: 0 })], (fake) => {
    fake.file = new Blob(['webm']);
  });
  button(root, 'Salvage').click();
  await until(() => events.length === 1, 'salvaged');
  expect((events[0]?.[1] as FinishedTake | undefined)?.file?.size).toBe(4);
  expect(element.salvaged?.title).toBe('Episode 12');
  expect(element.takes.length).toBe(1);
});

test('closing decides nothing; a page can take a request over', async () => {
  const { element, recovery, root, dialog, drawn } = await open([unfinished()]);
  button(root, 'Decide later').click();
  await drawn();
  expect(dialog.open).toBe(false);
  expect(recovery.calls).toEqual([]);
  expect(element.takes.length).toBe(1);
  await element.show();
  document.body.addEventListener('kt-salvage-request', (event) => event.preventDefault(), { once: true });
  button(root, 'Salvage').click();
  await drawn();
  expect(recovery.calls).toEqual([]);
  expect(root.querySelector('progress')).toBeNull();
});

test('manual opens only by show()', async () => {
  const { element, root, drawn } = await mount('kt-recovery-modal');
  element.manual = true;
  element.recovery = new FakeRecovery([unfinished()]);
  await until(() => element.takes.length === 1, 'listed');
  await drawn();
  expect(one<HTMLDialogElement>(root, 'dialog').open).toBe(false);
  await element.show();
  expect(one<HTMLDialogElement>(root, 'dialog').open).toBe(true);
});
