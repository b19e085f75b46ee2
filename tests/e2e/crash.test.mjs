// A browser that records is killed in each of the six ways; what is left is salvaged and decoded. The short form of
// `npm run crash -- browser` (docs/crash.md), which repeats one of these with --runs 1 --seed S --kinds KIND.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KINDS, parse, plan, random, runKills } from '../crash/browser-kills.mjs';
import { clockCheck } from '../crash/marks.mjs';

const SEED = 20;
/** On a machine that is busy with other things as well; docs/crash.md has the figures of a quiet one. */
const MOST_LOST_MS = 1500;
/** Where only the store is left: the first part of a take is there after four seconds. */
const MOST_LOST_BY_STORE_MS = 4500;

describe('a browser that is killed', () => {
  it('leaves a take that is salvaged, seekable and whole to its last moment', { timeout: 300_000 }, async () => {
    const args = ['--size', '320x180', '--bitrate', '1000000', '--seed', String(SEED)];
    const soon = runKills(parse([...args, '--runs', '5', '--jobs', '2', '--least', '1.5', '--most', '2.5']));
    const results = [...await soon, ...await runKills(parse([...args, '--runs', '1', '--least', '7', '--kinds', 'machine']))];
    assert.deepEqual(results.map(({ kind }) => kind), Object.keys(KINDS));
    for (const { kind, seed, problems, pictureLossMs, soundLossMs } of results) {
      const repeat = `npm run crash -- browser --runs 1 --seed ${seed} --kinds ${kind}`;
      assert.deepEqual(problems, [], repeat);
      for (const loss of [pictureLossMs, soundLossMs])
        assert.ok(loss > -500 && loss < (kind === 'machine' ? MOST_LOST_BY_STORE_MS : MOST_LOST_MS), `${loss} ms are lost: ${repeat}`);
    }
  });
});

describe('the harness', () => {
  it('repeats a run by its own seed', () => {
    const all = plan(parse(['--runs', '12', '--seed', '7']));
    const [again] = plan(parse(['--runs', '1', '--seed', String(all[8].seed), '--kinds', all[8].kind]));
    assert.deepEqual({ ...again, index: 8 }, all[8]);
    assert.ok(all.every(({ after }) => after >= 1.5 && after <= 6));
  });

  it('spreads the moments evenly', () => {
    const values = Array.from({ length: 1000 }, (_, index) => random(index));
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = values.filter((value) => Math.floor(value * 10) === tenth).length;
      assert.ok(share > 60 && share < 140, `${share} of 1000 in tenth ${tenth}`);
    }
  });

  it('refuses options that make no sense', () => {
    assert.throws(() => parse(['--kinds', 'browser,magic']), /magic: none of browser, renderer/);
    assert.throws(() => parse(['--runs', '0']), /--runs 0/);
    assert.throws(() => parse(['--most', '1']), /--most 1/);
    assert.throws(() => parse(['--frobnicate']));
    assert.equal(parse(['--help']), null);
  });

  it('tells a broken clock from a right one', () => {
    assert.notEqual(clockCheck(0), 0, 'a black picture says nothing');
    for (const value of [1, 0x1234, 0xabcdef]) for (let bit = 0; bit < 24; bit++) assert.notEqual(clockCheck(value ^ (1 << bit)), clockCheck(value));
  });
});
