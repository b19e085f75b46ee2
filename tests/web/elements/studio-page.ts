/** What every test of the studio page needs: the page on the stand-in recorder, a server's answers, audits. */

import axe from 'axe-core';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import type { FakeRecorder } from '../fake-recorder.js';
import { FakeRecovery } from '../fake-recovery.js';
import { one, until } from './fixture.js';
import '../../../web/pages/studio/main.js';

export const session = {
  organisation: 'local',
  role: 'owner',
  limits: { enabled: true, max_length_seconds: 3600, max_fps: 60 },
};
export const recording = {
  id: 'fake-1',
  title: 'Pilot',
  state: 'complete',
  created_at: '2026-11-20T17:04:00Z',
  duration: 65,
  bytes: 13_400_000,
  codec: 'vp9',
  width: 1280,
  height: 720,
};

type Reply = { status?: number; body?: unknown };
/** Answers by `METHOD path`; anything else is not found. */
export let replies: Record<string, Reply>;
/** What was asked, with its body. */
export let requests: string[];

beforeEach(() => {
  localStorage.clear();
  requests = [];
  FakeRecovery.preset = { takes: [], failure: null };
  replies = {
    'GET session': { body: session },
    'GET recordings?limit=50': { body: { recordings: [recording] } },
    'GET recordings/fake-1': { body: recording },
    'PATCH recordings/fake-1': { body: { ...recording, title: 'New title' } },
    'DELETE recordings/fake-1': { status: 204 },
  };
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const key = `${init?.method ?? 'GET'} ${String(input).split('/api/v1/')[1] ?? ''}`;
    requests.push(init?.body === undefined ? key : `${key} ${String(init.body)}`);
    const { status = 200, body } = replies[key] ?? {
      status: 404,
      body: { error: { code: 'not-found', message: key } },
    };
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  });
});

afterEach(() => {
  document.body.replaceChildren();
  vi.restoreAllMocks();
});

export interface Studio {
  root: ShadowRoot;
  recorder: FakeRecorder;
  settled: () => Promise<void>;
}

/** The page, once its recorder is in setup. */
export async function open(scheme: 'light' | 'dark' = 'dark'): Promise<Studio> {
  document.documentElement.lang = 'en';
  document.title = 'Keeptake';
  document.documentElement.style.colorScheme = scheme;
  document.body.style.cssText = 'margin:0';
  const studio = document.createElement('keeptake-studio');
  studio.setAttribute('style', 'display:block;height:760px');
  document.body.append(studio);
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 4; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await settled();
  const recorder = (globalThis as unknown as { fakeRecorder: FakeRecorder }).fakeRecorder;
  await until(() => recorder.state.state === 'setup', 'setup');
  await settled();
  return { root: studio.shadowRoot!, recorder, settled };
}

export const shadow = (root: ParentNode, tag: string): ShadowRoot => one(root, tag).shadowRoot!;

/** Colours are audited where they end, not on their way. */
export async function still(): Promise<void> {
  for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
  const moving = document.getAnimations().filter((each) => each.effect?.getComputedTiming().iterations !== Infinity);
  const ends = Promise.allSettled(moving.map((each) => each.finished));
  await Promise.race([ends, new Promise((resolve) => setTimeout(resolve, 1000))]);
}

/** Fails with the list of faults in the page or a part of it. */
export async function audit(part: Element | Document = document, rules: axe.RuleObject = {}): Promise<void> {
  await still();
  const result = await axe.run(part, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    rules,
  });
  const faults = result.violations.map(
    (v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.html.slice(0, 90)}`).join(' | ')}`,
  );
  expect(faults.filter((f) => !f.includes('#vitest'))).toEqual([]);
}
