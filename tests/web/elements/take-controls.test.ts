/** Elements on a take that another machine records: all they have of it is a {@link TakeControls}. */

import { afterEach, expect, test, vi } from 'vitest';
import { type KtRecorderProvider, RecorderStore, storeOf, type TakeStore } from '../../../web/elements/index.js';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import type { RecorderEvents, TakeControls, TakeState } from '../../../web/src/base/types.js';
import { FakeRecorder } from '../fake-recorder.js';
import { audit, button, one, until } from './fixture.js';

/** A take somewhere else, as a page may write it: no sources, no figures, and nothing to wait for. */
class FarTake implements TakeControls {
  state: TakeState = { state: 'setup' };
  readonly stats = null;
  readonly asked: string[] = [];
  refusal: KeeptakeError | null = null;
  readonly #listeners = new Map<string, Set<(value: never) => void>>();

  on<K extends 'state' | 'stats' | 'warning' | 'error'>(
    type: K,
    listener: (value: RecorderEvents[K]) => void,
  ): () => void {
    const all = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, all.add(listener as (value: never) => void));
    return () => all.delete(listener as (value: never) => void);
  }
  tell(state: TakeState): void {
    this.state = state;
    this.#listeners.get('state')?.forEach((listener) => listener(state as never));
  }
  async #ask(what: string, state: TakeState): Promise<void> {
    this.asked.push(what);
    if (this.refusal) throw this.refusal;
    this.tell(state);
  }
  start = (): Promise<void> => this.#ask('start', { state: 'recording' });
  cancel = (): Promise<void> => this.#ask('cancel', { state: 'setup' });
  pause = (): Promise<void> => this.#ask('pause', { state: 'paused' });
  resume = (): Promise<void> => this.#ask('resume', { state: 'recording' });
  restart = (): Promise<void> => this.#ask('restart', { state: 'setup' });
  reset = (): Promise<void> => this.#ask('reset', { state: 'setup' });
  stop = (): Promise<null> => this.#ask('stop', { state: 'stopping', progress: 0 }).then(() => null);
}

async function page(): Promise<{
  take: FarTake;
  store: TakeStore;
  root: (tag: string) => ShadowRoot;
  drawn: () => Promise<void>;
}> {
  document.body.replaceChildren();
  const provider = document.createElement('kt-recorder-provider') as KtRecorderProvider;
  provider.innerHTML =
    '<kt-controls></kt-controls><kt-paused-modal></kt-paused-modal><kt-countdown></kt-countdown><kt-sources-panel></kt-sources-panel><kt-stage></kt-stage>';
  const take = new FarTake();
  provider.recorder = take;
  document.body.append(provider);
  const drawn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
  await drawn();
  return { take, store: storeOf(take), root: (tag) => one(provider, tag).shadowRoot!, drawn };
}

afterEach(() => vi.restoreAllMocks());

test('controls, badge, countdown and paused dialog need nothing else', async () => {
  const { take, root, drawn } = await page();
  const badge = (): string =>
    one(one(root('kt-controls'), 'kt-state-badge').shadowRoot!, '[role=status]').textContent!.trim();
  const press = async (name: string, state: string): Promise<void> => {
    button(root('kt-controls'), name).click();
    await until(() => badge() === state, state);
    await drawn();
  };
  expect(badge()).toBe('Setup');
  await press('Start Recording', 'Recording');
  await press('Pause', 'Paused');
  expect(one<HTMLDialogElement>(root('kt-paused-modal'), 'dialog').open).toBe(true);
  await press('Resume', 'Recording');
  take.tell({ state: 'countdown', remaining: 2 });
  await drawn();
  expect(root('kt-countdown').textContent).toContain('2');
  take.tell({ state: 'recording' });
  await drawn();
  await press('Stop', 'Saving');
  expect(take.asked).toEqual(['start', 'pause', 'resume', 'stop']);
  await audit(document.body);
});

test('a refusal is told, and what needs people in a picture finds none', async () => {
  const { take, store, root, drawn } = await page();
  take.refusal = new KeeptakeError('forbidden', 'Only the owner starts.');
  button(root('kt-controls'), 'Start Recording').click();
  await until(() => store.notices.length === 1, 'told');
  await drawn();
  expect(store.notices[0]).toMatchObject({ kind: 'error', code: 'forbidden' });
  expect(store).not.toBeInstanceOf(RecorderStore);
  expect(await store.perform('kt-source-remove-request', { id: 'ada' })).toBe(false);
  // What is waited for nowhere is no failure.
  expect(await store.perform('kt-send-now-request', {})).toBe(true);
});

test('a recorder has the larger store, whoever asks for it, and a listener that throws keeps it from nobody', async () => {
  const recorder = new FakeRecorder({ server: null });
  const store: TakeStore = storeOf(recorder as TakeControls);
  expect(store).toBeInstanceOf(RecorderStore);
  expect(storeOf(recorder)).toBe(store);
  const told = vi.spyOn(globalThis, 'reportError').mockImplementation(() => undefined);
  const heard: string[] = [];
  const off = store.subscribe(() => {
    throw new Error('mine');
  });
  store.subscribe((topic) => heard.push(topic));
  recorder.setState({ state: 'setup' });
  expect([heard, told.mock.calls.length]).toEqual([['state'], 1]);
  off();
});
