/** What every element test needs: an element on a dark page with a stand-in recorder, and an accessibility audit. */

import axe from 'axe-core';
import { expect } from 'vitest';
import { defineElements, storeOf, type KtElement, type RecorderStore } from '../../../web/elements/index.js';
import type { RecorderOptions } from '../../../web/src/base/types.js';
import { FakeRecorder, type FakeOptions } from '../fake-recorder.js';

defineElements();

/** An element under test with all that belongs to it. */
export interface Fixture<E extends Element> {
  element: E;
  recorder: FakeRecorder;
  store: RecorderStore;
  root: ShadowRoot;
  /** Resolves when everything sent so far is drawn. */
  drawn: () => Promise<void>;
}

/** A picture track and, unless told otherwise, a sound track. */
export function fakeMedia(sound = true): MediaStream {
  const picture = document.createElement('canvas').captureStream(1).getVideoTracks();
  const out = new AudioContext().createMediaStreamDestination();
  return new MediaStream([...picture, ...(sound ? out.stream.getAudioTracks() : [])]);
}

/** Puts a fresh page with one element of this tag, state `setup`, `people` sources named Ada, Grace, … */
export async function mount<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  {
    people = 0,
    options = {},
    scheme = 'dark',
  }: { scheme?: 'light' | 'dark'; people?: number; options?: Partial<RecorderOptions & FakeOptions> } = {},
): Promise<Fixture<HTMLElementTagNameMap[K]>> {
  const recorder = new FakeRecorder({ server: null, secondMs: 20, ...options });
  await recorder.ready;
  const names = ['Ada', 'Grace', 'Edsger', 'Barbara'];
  for (const name of names.slice(0, people)) {
    await recorder.addSource(fakeMedia(), { id: name.toLowerCase(), name });
  }
  recorder.calls.length = 0;
  document.body.replaceChildren();
  document.body.style.cssText = `background:${scheme === 'dark' ? '#12161c;color:#fff' : '#fff;color:#12181f'};margin:20px`;
  document.documentElement.lang = 'en';
  document.documentElement.style.colorScheme = scheme;
  const element = document.createElement(tag);
  if ('recorder' in element) {
    (element as unknown as KtElement).recorder = recorder;
  }
  document.body.append(element);
  const drawn = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    await (element as unknown as KtElement).updateComplete;
    await new Promise((resolve) => setTimeout(resolve, 0));
    await (element as unknown as KtElement).updateComplete;
  };
  await drawn();
  if (element.shadowRoot === null) {
    throw new Error(`${tag} has no shadow root`);
  }
  return { element, recorder, store: storeOf(recorder), root: element.shadowRoot, drawn };
}

/** Fails with the list of faults that the audit finds in an element. */
export async function audit(element: Element): Promise<void> {
  const result = await axe.run(element, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    rules: { region: { enabled: false } },
  });
  expect(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`)).toEqual([]);
}

/** The button of this accessible name (its label, else its text). */
export function button(root: ParentNode, name: string): HTMLButtonElement {
  const all = [...root.querySelectorAll('button')];
  const found = all.find((b) => (b.getAttribute('aria-label') ?? b.textContent ?? '').trim() === name);
  if (found === undefined) {
    throw new Error(
      `no button “${name}” among ${all.map((b) => `“${b.getAttribute('aria-label') ?? b.textContent?.trim()}”`).join(', ')}`,
    );
  }
  return found;
}

/** One element of a selector, or a failure that names it. */
export function one<E extends Element = HTMLElement>(root: ParentNode, selector: string): E {
  const found = root.querySelector<E>(selector);
  if (found === null) {
    throw new Error(`nothing matches ${selector}`);
  }
  return found;
}

/** Names of the recorder's calls, in order. */
export function called(recorder: FakeRecorder): string[] {
  return recorder.calls.map(([name]) => name);
}

/** Waits until a condition holds, at most ten seconds. */
export async function until(condition: () => boolean, what = 'condition'): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) {
      throw new Error(`timed out: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A file of about 0.8 s that is red and then blue, with a tone where asked; it does not say how long it is. */
export async function redThenBlue({ sound = false } = {}): Promise<File> {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 64;
  const context = canvas.getContext('2d')!;
  const stream = canvas.captureStream(30);
  const audio = new AudioContext();
  if (sound) {
    const out = audio.createMediaStreamDestination();
    const tone = new OscillatorNode(audio, { frequency: 440 });
    tone.connect(out);
    tone.start();
    out.stream.getAudioTracks().forEach((track) => stream.addTrack(track));
  }
  const parts: Blob[] = [];
  const recorder = new MediaRecorder(stream, { mimeType: `video/webm;codecs=vp8${sound ? ',opus' : ''}` });
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const ended = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  for (let i = 0; i < 32; i += 1) {
    context.fillStyle = i < 13 ? '#f00' : '#00f';
    context.fillRect(0, 0, 64, 64);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  recorder.stop();
  await ended;
  void audio.close();
  return new File(parts, 'clip.webm', { type: 'video/webm' });
}
