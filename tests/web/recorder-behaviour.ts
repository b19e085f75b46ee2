/**
 * How a recorder behaves, whatever is behind it: the real one and the stand-in of the element tests both have to. What a
 * page sees of a take, of sources and of events, call by call.
 */

import { describe, expect, it } from 'vitest';
import type { KeeptakeError } from '../../web/src/base/errors.js';
import type { Recorder } from '../../web/src/base/types.js';

/** Made for each test, and closed after it. */
export interface Subject {
  open: () => Promise<Recorder>;
  /** A picture that moves, and sound. */
  media: () => MediaStream;
}

export function behavesAsRecorder(name: string, { open, media }: Subject): void {
  const given = (what: string, act: (recorder: Recorder, states: string[]) => Promise<void>): void =>
    it(what, { timeout: 30_000 }, async () => {
      const recorder = await open();
      const states: string[] = [];
      const off = recorder.on('state', ({ state }) => {
        if (states.at(-1) !== state) states.push(state);
      });
      try {
        await recorder.ready;
        states.length = 0;
        await act(recorder, states);
      } finally {
        off();
        await recorder.close();
      }
    });
  const code = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (error: KeeptakeError) => error.code,
    );
  const withHost = (recorder: Recorder): Promise<unknown> => recorder.addSource(media(), { id: 'host', name: 'Host' });

  describe(`${name}: a take`, () => {
    given('a start resolves when it records, so that a pause may follow at once', async (recorder, states) => {
      await withHost(recorder);
      await recorder.start({ countdown: 0 });
      expect(recorder.state.state).toBe('recording');
      await recorder.pause();
      expect(recorder.state.state).toBe('paused');
      await recorder.resume();
      const stopping = recorder.stop();
      expect(recorder.stop()).toBe(stopping);
      const take = await stopping;
      expect(recorder.state).toEqual({ state: 'stopped', take });
      expect(await recorder.stop()).toBe(take);
      await recorder.reset();
      expect(states.filter((state) => state !== 'countdown')).toEqual([
        'recording',
        'paused',
        'recording',
        'stopping',
        'stopped',
        'setup',
      ]);
    });

    given('a start that is cancelled rejects with aborted, and leaves nothing', async (recorder, states) => {
      await withHost(recorder);
      const started = code(recorder.start({ countdown: 3 }));
      await expect.poll(() => recorder.state, { timeout: 5000 }).toMatchObject({ state: 'countdown', remaining: 3 });
      expect(await code(recorder.start())).toBe('bad-state');
      await recorder.cancel();
      expect([await started, recorder.state.state]).toEqual(['aborted', 'setup']);
      expect(states).toEqual(['countdown', 'setup']);
      const control = new AbortController();
      const aborted = code(recorder.start({ countdown: 3, signal: control.signal }));
      await expect.poll(() => recorder.state.state, { timeout: 5000 }).toBe('countdown');
      control.abort();
      expect(await aborted).toBe('aborted');
      expect(await code(recorder.start({ signal: control.signal }))).toBe('aborted');
      const stopped = code(recorder.start({ countdown: 3 }));
      await expect.poll(() => recorder.state.state, { timeout: 5000 }).toBe('countdown');
      expect([await code(recorder.stop()), await stopped]).toEqual(['aborted', 'aborted']);
      await expect.poll(() => recorder.state.state, { timeout: 5000 }).toBe('setup');
    });

    given('what does not fit the state is refused, and changes nothing', async (recorder, states) => {
      await withHost(recorder);
      expect({
        pause: await code(recorder.pause()),
        resume: await code(recorder.resume()),
        cancel: await code(recorder.cancel()),
        restart: await code(recorder.restart()),
        leaveForLater: await code(recorder.leaveForLater()),
        mark: await code(recorder.mark()),
        stop: await code(recorder.stop()),
      }).toEqual({
        pause: 'bad-state',
        resume: 'bad-state',
        cancel: 'bad-state',
        restart: 'bad-state',
        leaveForLater: 'bad-state',
        mark: 'bad-state',
        stop: 'bad-state',
      });
      expect(states).toEqual([]);
      await recorder.start({ countdown: 0 });
      states.length = 0;
      expect(await code(recorder.start())).toBe('bad-state');
      expect(await code(recorder.resume())).toBe('bad-state');
      expect(await code(recorder.cancel())).toBe('bad-state');
      expect(await code(recorder.reset())).toBe('bad-state');
      expect(states).toEqual([]);
      await recorder.pause();
      expect(await code(recorder.pause())).toBe('bad-state');
      expect(await recorder.mark('here')).toBeGreaterThanOrEqual(0);
    });

    given('a restart throws the take away and keeps the people', async (recorder, states) => {
      await withHost(recorder);
      await recorder.start({ countdown: 0 });
      await recorder.restart();
      expect([recorder.state.state, recorder.sources.map(({ id }) => id)]).toEqual(['setup', ['host']]);
      await recorder.start({ countdown: 0 });
      await recorder.stop();
      expect(states.filter((state) => state !== 'countdown')).toEqual([
        'recording',
        'setup',
        'recording',
        'stopping',
        'stopped',
      ]);
    });
  });

  describe(`${name}: sources and events`, () => {
    given('a source has one id, and changes only in what is given', async (recorder) => {
      const info = await recorder.addSource(media(), { id: 'ada', name: 'Ada' });
      expect(info).toMatchObject({
        id: 'ada',
        name: 'Ada',
        showName: false,
        hasVideo: true,
        hasAudio: true,
        gain: 1,
        audioMuted: false,
        videoMuted: false,
        ended: false,
      });
      expect(await code(withHost(recorder))).toBe('done');
      expect(await code(withHost(recorder))).toBe('bad-argument');
      await recorder.setMuted('ada', { audio: true });
      await recorder.setMuted('ada', { video: true });
      await recorder.setGain('ada', 0.5);
      expect(await code(recorder.setGain('ada', 9))).toBe('bad-argument');
      expect(await recorder.updateSource('ada', { name: 'Ada L.' })).toMatchObject({
        name: 'Ada L.',
        gain: 0.5,
        audioMuted: true,
        videoMuted: true,
      });
      expect(recorder.sources.map(({ id }) => id)).toEqual(['ada', 'host']);
      for (const work of [
        recorder.removeSource('no'),
        recorder.setGain('no', 1),
        recorder.setMuted('no', {}),
        recorder.setName('no', '', true),
        recorder.replaceSource('no', media()),
      ])
        expect(await code(work)).toBe('no-such-source');
      await recorder.removeSource('ada');
      expect(recorder.sources.map(({ id }) => id)).toEqual(['host']);
    });

    given('a listener hears what it asked for, as often as it wants', async (recorder) => {
      const heard: string[] = [];
      const control = new AbortController();
      recorder.on('sources', () => heard.push('once'), { once: true });
      recorder.on('sources', () => heard.push('until'), { signal: control.signal });
      const off = recorder.on('sources', () => heard.push('off'));
      await recorder.addSource(media(), { id: 'a' });
      const first = new Set(heard.splice(0));
      control.abort();
      off();
      await recorder.removeSource('a');
      expect([first, heard]).toEqual([new Set(['once', 'until', 'off']), []]);
    });

    given('a composition is told with its event, and stays as it was asked for', async (recorder) => {
      const heard: unknown[] = [];
      recorder.on('composition', (composition) => heard.push(composition.layout));
      await recorder.setComposition({ layout: 'grid', sources: [] });
      expect([recorder.composition.layout, heard.at(-1)]).toEqual(['grid', 'grid']);
      const id = await recorder.showHook({ text: 'Hello' });
      await recorder.hideHook(id);
      await recorder.hideHook(id);
    });

    given('closed is closed: every call says so, and a second close is none', async (recorder) => {
      await withHost(recorder);
      await recorder.start({ countdown: 0 });
      await recorder.close();
      await recorder.close();
      for (const call of [
        () => recorder.pause(),
        () => recorder.start(),
        () => recorder.restart(),
        () => recorder.setGain('host', 1),
        () => recorder.showHook({ text: 'x' }),
        () => recorder.mark(),
      ])
        expect(await code(call())).toBe('closed');
    });
  });
}
