import { afterEach, expect, it, vi } from 'vitest';
import { Emitter } from '../../../web/src/base/emitter.js';

interface Events {
  tick: number;
  other: string;
}

afterEach(() => vi.unstubAllGlobals());

it('a listener hears until it is removed, by its function or by its signal', () => {
  const events = new Emitter<Events>();
  const heard: string[] = [];
  const control = new AbortController();
  const off = events.on('tick', (value) => heard.push(`a${value}`));
  events.on('tick', (value) => heard.push(`b${value}`), { signal: control.signal });
  events.on('tick', (value) => heard.push(`c${value}`), { signal: AbortSignal.abort() });
  events.emit('tick', 1);
  control.abort();
  events.emit('tick', 2);
  off();
  off();
  events.emit('tick', 3);
  events.emit('other', 'x');
  expect([heard, events.has('tick')]).toEqual([['a1', 'b1', 'a2'], false]);
});

it('once is once, also where the listener itself causes the next event', () => {
  const events = new Emitter<Events>();
  const heard: number[] = [];
  events.on(
    'tick',
    (value) => {
      heard.push(value);
      if (value < 5) events.emit('tick', value + 1);
    },
    { once: true },
  );
  events.emit('tick', 1);
  expect([heard, events.has('tick')]).toEqual([[1], false]);
});

it('one that throws stops nobody, and one that is removed meanwhile hears what was being told', () => {
  const told = vi.fn();
  vi.stubGlobal('reportError', told);
  const events = new Emitter<Events>();
  const heard: number[] = [];
  events.on('tick', () => {
    throw new Error('own fault');
  });
  events.on('tick', (value) => heard.push(value));
  events.emit('tick', 1);
  expect([heard, told.mock.calls.length]).toEqual([[1], 1]);
});

it('tells when a type is wanted first and when it is not any more', () => {
  const wanted: [keyof Events, boolean][] = [];
  const events = new Emitter<Events>((type, on) => wanted.push([type, on]));
  const offs = [events.on('tick', () => undefined), events.on('tick', () => undefined)];
  events.on('other', () => undefined, { once: true });
  events.emit('other', '');
  for (const off of offs) off();
  events.on('tick', () => undefined);
  expect(wanted).toEqual([
    ['tick', true],
    ['other', true],
    ['other', false],
    ['tick', false],
    ['tick', true],
  ]);
});
