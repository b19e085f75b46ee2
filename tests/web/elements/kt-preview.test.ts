/** `<kt-preview>`, `<kt-countdown>`, `<kt-recorder-provider>`. */

import { expect, test } from 'vitest';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { audit, fakeMedia, mount, one, until } from './fixture.js';

test('the preview passes the audit while loading, empty and full', async () => {
  const { element, recorder, drawn } = await mount('kt-preview');
  element.style.cssText = 'width:640px;height:400px';
  await audit(element);
  recorder.setState({ state: 'loading' });
  await drawn();
  await audit(element);
  recorder.setState({ state: 'setup' });
  await recorder.addSource(fakeMedia(), { id: 'a' });
  await drawn();
  await audit(element);
});

test('the picture is letterboxed in both directions', async () => {
  const { element, root, drawn } = await mount('kt-preview', { people: 1, options: { width: 1280, height: 720 } });
  const frame = one(root, '.frame');
  element.style.cssText = 'width:640px;height:600px';
  await drawn();
  expect(frame.getBoundingClientRect().width).toBeCloseTo(640, 0);
  expect(frame.getBoundingClientRect().height).toBeCloseTo(360, 0);
  element.style.cssText = 'width:900px;height:180px';
  await drawn();
  expect(frame.getBoundingClientRect().width).toBeCloseTo(320, 0);
  expect(frame.getBoundingClientRect().height).toBeCloseTo(180, 0);
});

test('the empty state gives way to the first source; the state is an attribute', async () => {
  const { element, recorder, root, drawn } = await mount('kt-preview');
  expect(root.textContent).toContain('Nobody is in the picture yet');
  await recorder.addSource(fakeMedia(), { id: 'a' });
  await drawn();
  expect(root.querySelector('.note')).toBeNull();
  expect(one(root, 'canvas').getAttribute('aria-label')).toBe('Live picture, 1 source');
  recorder.setState({ state: 'recording' });
  await drawn();
  expect(element.getAttribute('state')).toBe('recording');
});

test('frames are drawn, and end when the element leaves', async () => {
  const { element, recorder, root } = await mount('kt-preview', { people: 1 });
  let attached = 0;
  const attach = recorder.attachPreview.bind(recorder);
  recorder.attachPreview = (canvas) => {
    const end = attach(canvas);
    attached += 1;
    return () => {
      attached -= 1;
      end();
    };
  };
  const canvas = one<HTMLCanvasElement>(root, 'canvas');
  await until(() => canvas.width === 1280, 'first frame');
  element.remove();
  document.body.append(element);
  await until(() => attached === 1, 'attached again');
  element.remove();
  expect(attached).toBe(0);
});

test('a recorder that is started anew gets a canvas that nobody has drawn in', async () => {
  const { recorder, root, drawn } = await mount('kt-preview', { people: 1 });
  const attached: HTMLCanvasElement[] = [];
  recorder.attachPreview = (canvas) => {
    attached.push(canvas);
    return () => undefined;
  };
  const first = one<HTMLCanvasElement>(root, 'canvas');
  for (const state of ['failed', 'setup', 'failed', 'loading', 'setup'] as const) {
    recorder.setState(
      state === 'failed' ? { state, error: new KeeptakeError('engine-failed', 'The engine stopped.') } : { state },
    );
    await drawn();
  }
  const now = one<HTMLCanvasElement>(root, 'canvas');
  expect([now === first, attached.length, attached[0] === now]).toEqual([false, 1, true]);
  expect(root.querySelectorAll('canvas').length).toBe(1);
});

test('the countdown shows and says each number, and nothing otherwise', async () => {
  const { element, recorder, root, drawn } = await mount('kt-countdown');
  expect(root.querySelector('.ring')).toBeNull();
  for (const remaining of [3, 2, 1]) {
    recorder.setState({ state: 'countdown', remaining });
    await drawn();
    expect(one(root, '.ring').textContent).toBe(String(remaining));
    expect(one(root, '[role=status]').textContent).toBe(`Recording starts in ${remaining}`);
  }
  await audit(element);
  recorder.setState({ state: 'recording' });
  await drawn();
  expect(root.querySelector('.ring')).toBeNull();
  expect(one(root, '[role=status]').textContent).toBe('');
});

test('elements find the provider, and follow it to another recorder', async () => {
  const first = await mount('kt-recorder-provider');
  const second = await mount('kt-recorder-provider');
  const provider = second.element;
  const badge = document.createElement('kt-state-badge');
  const shadow = document.createElement('div');
  shadow.attachShadow({ mode: 'open' }).append(badge);
  provider.append(shadow);
  await badge.updateComplete;
  expect(badge.store?.recorder).toBe(second.recorder);
  first.recorder.setState({ state: 'paused' });
  provider.recorder = first.recorder;
  await provider.updateComplete;
  await badge.updateComplete;
  expect(badge.shadowRoot?.textContent?.trim()).toBe('Paused');
  provider.recorder = null;
  await provider.updateComplete;
  await badge.updateComplete;
  expect(badge.store).toBeNull();
  await audit(provider);
});
