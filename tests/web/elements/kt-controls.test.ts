/** `<kt-controls>` and `<kt-state-badge>`. */

import { userEvent } from 'vitest/browser';
import { expect, test } from 'vitest';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { audit, button, called, fakeMedia, mount, one, until } from './fixture.js';

const badge = (root: ShadowRoot): string =>
  one(one(root, 'kt-state-badge').shadowRoot!, '[role=status]').textContent!.trim();
const time = (root: ShadowRoot): string => one(root, '[role=timer]').textContent!.trim();

test('every state passes the accessibility audit', async () => {
  const { element, recorder, drawn } = await mount('kt-controls', { people: 1 });
  await audit(element);
  for (const state of [
    { state: 'countdown', remaining: 2 },
    { state: 'recording' },
    { state: 'paused' },
    { state: 'stopping', progress: 0.4 },
    { state: 'stopped', take: recorder.take() },
    { state: 'failed', error: new KeeptakeError('engine-failed', 'It stopped.') },
  ] as const) {
    recorder.setState(state);
    await drawn();
    await audit(element);
  }
});

test('badge and buttons follow a whole take', async () => {
  const { recorder, root, drawn } = await mount('kt-controls');
  expect(badge(root)).toBe('Setup');
  button(root, 'Start Recording').click();
  await drawn();
  expect(badge(root)).toBe('Countdown');
  await until(() => recorder.state.state === 'recording');
  await drawn();
  expect(badge(root)).toBe('Recording');
  button(root, 'Pause').click();
  await drawn();
  expect(badge(root)).toBe('Paused');
  button(root, 'Resume').click();
  await drawn();
  button(root, 'Stop').click();
  await until(() => recorder.state.state === 'stopped');
  await drawn();
  expect(badge(root)).toBe('Saved');
  button(root, 'New take').click();
  await drawn();
  expect(badge(root)).toBe('Setup');
  expect(called(recorder)).toEqual(['start', 'pause', 'resume', 'stop', 'reset']);
  expect(recorder.calls[0]?.[1]).toEqual({ countdown: 3 });
});

test('the time follows the take, stands still while paused and starts anew', async () => {
  const { recorder, root, drawn } = await mount('kt-controls');
  expect(time(root)).toBe('00:00');
  recorder.setState({ state: 'recording' });
  recorder.pushStats({ elapsed: 64.9 });
  await drawn();
  expect(time(root)).toBe('01:04');
  recorder.setState({ state: 'paused' });
  await drawn();
  expect(time(root)).toBe('01:04');
  recorder.setState({ state: 'setup' });
  await drawn();
  expect(time(root)).toBe('00:00');
});

test('restart asks first, and keeps the take unless told otherwise', async () => {
  const { recorder, root, drawn } = await mount('kt-controls');
  recorder.setState({ state: 'recording' });
  await drawn();
  const dialog = one<HTMLDialogElement>(root, 'dialog');
  button(root, 'Restart').click();
  expect(dialog.open).toBe(true);
  button(dialog, 'Keep this take').click();
  expect(dialog.open).toBe(false);
  expect(called(recorder)).toEqual([]);
  button(root, 'Restart').click();
  button(dialog, 'Discard the take').click();
  await drawn();
  expect(called(recorder)).toEqual(['restart']);
  expect(badge(root)).toBe('Setup');
});

test('the question goes away when the take ends by itself', async () => {
  const { recorder, root, drawn } = await mount('kt-controls');
  recorder.setState({ state: 'recording' });
  await drawn();
  button(root, 'Restart').click();
  recorder.setState({ state: 'stopping', progress: 0 });
  await drawn();
  expect(one<HTMLDialogElement>(root, 'dialog').open).toBe(false);
});

test('cancelling the countdown is no error', async () => {
  const { recorder, root, store, drawn } = await mount('kt-controls', { options: { secondMs: 5000 } });
  button(root, 'Start Recording').click();
  await drawn();
  button(root, 'Cancel').click();
  await until(() => recorder.state.state === 'setup' && store.busy.size === 0);
  expect(store.notices).toEqual([]);
});

test('a start that fails leaves one notice with its code', async () => {
  const { recorder, root, store } = await mount('kt-controls');
  const error = new KeeptakeError('server-unreachable', 'No answer from http://127.0.0.1:1.');
  recorder.failNext = { name: 'start', error };
  button(root, 'Start Recording').click();
  await until(() => store.notices.length > 0);
  recorder.emit('error', error);
  expect(store.notices.map((n) => [n.kind, n.code])).toEqual([['error', 'server-unreachable']]);
});

test('need-source keeps Start off until somebody is there', async () => {
  const { element, recorder, root, drawn } = await mount('kt-controls');
  element.needSource = true;
  await drawn();
  expect(button(root, 'Start Recording').getAttribute('aria-disabled')).toBe('true');
  expect(one(root, '#why-not').textContent).toBe('Add somebody to the picture first');
  await recorder.addSource(fakeMedia(), { id: 'a' });
  await drawn();
  expect(button(root, 'Start Recording').getAttribute('aria-disabled')).toBeNull();
});

test('a page can take a request over', async () => {
  const { recorder, root, drawn } = await mount('kt-controls');
  const seen: unknown[] = [];
  document.body.addEventListener(
    'kt-start-request',
    (event) => {
      event.preventDefault();
      seen.push((event as CustomEvent).detail);
    },
    { once: true },
  );
  button(root, 'Start Recording').click();
  await drawn();
  expect(seen).toEqual([{ countdown: 3 }]);
  expect(called(recorder)).toEqual([]);
});

test('saving shows how much is stored', async () => {
  const { recorder, root, drawn } = await mount('kt-controls');
  recorder.setState({ state: 'stopping', progress: 0.25 });
  recorder.pushStats({ safeBytes: 2_500_000, fileBytes: 10_000_000 });
  await drawn();
  expect(one<HTMLProgressElement>(root, 'progress').value).toBe(25);
  expect(root.textContent).toContain('2.5 MB of 10.0 MB');
});

test('how much is safe is told while recording and paused, and not without a take', async () => {
  const { element, recorder, root, drawn } = await mount('kt-controls');
  expect(root.querySelector('.safety')).toBeNull();
  recorder.setState({ state: 'recording' });
  recorder.pushStats({ elapsed: 120, fileBytes: 40_000_000, backlogBytes: 4_000_000, journalState: 'on' });
  await drawn();
  expect(one(root, '.safety').textContent?.trim()).toBe('All but the last 12 s is safe');
  recorder.setState({ state: 'paused' });
  recorder.pushStats({ elapsed: 120, fileBytes: 40_000_000, backlogBytes: 0, journalState: 'on' });
  await drawn();
  expect(one(root, '.safety').textContent?.trim()).toBe('All of it is safe');
  await audit(element);
  element.hideSafety = true;
  await drawn();
  expect(root.querySelector('.safety')).toBeNull();
});

test('offline, the time to safety comes from the speed before', async () => {
  const { recorder, root, drawn } = await mount('kt-controls');
  recorder.setState({ state: 'recording' });
  const take = { elapsed: 400, fileBytes: 100_000_000, journalState: 'on' } as const;
  recorder.pushStats({ ...take, backlogBytes: 0, uploadState: 'sending', uploadBitrate: 14_000_000 });
  recorder.pushStats({ ...take, backlogBytes: 45_000_000, uploadState: 'waiting', uploadBitrate: 0, safeIn: null });
  await drawn();
  expect(one(root, '.safety').textContent?.trim()).toBe(
    'Offline: 3 min kept on this machine, safe about 30 s after it is back',
  );
});

test('the focus stays in the controls through a whole take', async () => {
  const { recorder, root, store, drawn } = await mount('kt-controls', { people: 1 });
  button(root, 'Start Recording').focus();
  for (const state of [
    { state: 'countdown', remaining: 2 },
    { state: 'recording' },
    { state: 'paused' },
    { state: 'recording' },
    { state: 'stopping', progress: 0.4 },
    { state: 'stopped', take: recorder.take() },
    { state: 'setup' },
  ] as const) {
    recorder.setState(state);
    await drawn();
    await new Promise((resolve) => requestAnimationFrame(resolve));
    await until(() => root.activeElement !== null, `focus in ${state.state}`);
  }
  expect(root.activeElement).toBe(button(root, 'Start Recording'));
  expect(store.state.state).toBe('setup');
});

test('the second click of a double click on Start does nothing', async () => {
  const { recorder, root, store, drawn } = await mount('kt-controls', { options: { secondMs: 5000 } });
  button(root, 'Start Recording').focus();
  await userEvent.keyboard('{Enter}');
  await until(() => recorder.state.state === 'countdown');
  await drawn();
  expect(store.settling).toBe(true);
  expect(button(root, 'Cancel').getAttribute('aria-disabled')).toBe('true');
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(recorder.state.state).toBe('countdown');
  await until(() => !store.settling);
  await drawn();
  await userEvent.keyboard('{Enter}');
  await until(() => recorder.state.state === 'setup');
});

test('Escape ends the countdown, wherever the focus is', async () => {
  const { recorder, root } = await mount('kt-controls', { options: { secondMs: 5000 } });
  button(root, 'Start Recording').click();
  await until(() => recorder.state.state === 'countdown');
  document.body.focus();
  await userEvent.keyboard('{Escape}');
  await until(() => recorder.state.state === 'setup');
  expect(called(recorder)).toEqual(['start', 'cancel']);
});

test('an outage is said once, and that it is over', async () => {
  const { recorder, root, drawn } = await mount('kt-controls', { people: 1 });
  const said = (): string => root.querySelector('span.sr[role=status]')?.textContent ?? '';
  recorder.setState({ state: 'recording' });
  const words: string[] = [];
  for (const uploadState of ['sending', 'waiting', 'waiting', 'sending'] as const) {
    recorder.pushStats({ uploadState });
    await drawn();
    words.push(said());
  }
  expect(words).toEqual(['', 'Offline', 'Offline', 'Online again']);
});

test('a take that is a file of the page is not called saved', async () => {
  const { recorder, root, drawn } = await mount('kt-controls');
  recorder.setState({ state: 'stopped', take: { ...recorder.take(), file: new Blob(['x']) } });
  await drawn();
  expect(root.querySelector('kt-state-badge')?.shadowRoot?.textContent?.trim()).toBe('Stopped');
});
