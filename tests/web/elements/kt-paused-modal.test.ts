/** `<kt-paused-modal>`. */

import { userEvent } from 'vitest/browser';
import { expect, test } from 'vitest';
import { audit, button, called, mount, one, until } from './fixture.js';

test('it passes the audit, and opens only while paused', async () => {
  const { element, recorder, root, drawn } = await mount('kt-paused-modal');
  const dialog = one<HTMLDialogElement>(root, 'dialog');
  expect(dialog.open).toBe(false);
  recorder.setState({ state: 'recording' });
  await drawn();
  expect(dialog.open).toBe(false);
  recorder.setState({ state: 'paused' });
  await drawn();
  expect(dialog.open).toBe(true);
  expect(dialog.matches(':modal')).toBe(true);
  await audit(element);
  recorder.setState({ state: 'recording' });
  await drawn();
  expect(dialog.open).toBe(false);
});

test('Resume has the focus and resumes; Stop stops', async () => {
  const { recorder, root, store, drawn } = await mount('kt-paused-modal');
  recorder.setState({ state: 'paused' });
  await drawn();
  await until(() => !store.settling);
  await drawn();
  expect(root.activeElement?.textContent?.trim()).toBe('Resume');
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(called(recorder)).toEqual(['resume']);
  expect(one<HTMLDialogElement>(root, 'dialog').open).toBe(false);
  recorder.setState({ state: 'paused' });
  await drawn();
  button(root, 'Stop').click();
  await drawn();
  expect(called(recorder)).toEqual(['resume', 'stop']);
});

test('Escape closes it and changes nothing; it comes again at the next pause', async () => {
  const { recorder, root, drawn } = await mount('kt-paused-modal');
  const dialog = one<HTMLDialogElement>(root, 'dialog');
  recorder.setState({ state: 'paused' });
  await drawn();
  await userEvent.keyboard('{Escape}');
  await drawn();
  expect(dialog.open).toBe(false);
  recorder.pushStats();
  await drawn();
  expect(dialog.open).toBe(false);
  expect(recorder.state.state).toBe('paused');
  expect(called(recorder)).toEqual([]);
  recorder.setState({ state: 'recording' });
  await drawn();
  recorder.setState({ state: 'paused' });
  await drawn();
  expect(dialog.open).toBe(true);
});

test('the focus stays inside', async () => {
  const { recorder, root, drawn } = await mount('kt-paused-modal');
  const outside = document.createElement('button');
  outside.textContent = 'Outside';
  document.body.append(outside);
  recorder.setState({ state: 'paused' });
  await drawn();
  for (let i = 0; i < 5; i += 1) {
    await userEvent.keyboard('{Tab}');
    expect(document.activeElement).not.toBe(outside);
  }
  expect(one<HTMLDialogElement>(root, 'dialog').open).toBe(true);
});
