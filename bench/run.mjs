#!/usr/bin/env node
// npm run bench: tables on the terminal, figures in bench/results.json.
//   npm run bench                        all of them
//   npm run bench -- encoder size        some: encoder quality compositor mixer pipeline cadence journal server server-rows size
//   npm run bench -- encoder --json F    figures into F; bench/results.json stays as it is
//   --quick   short runs: whether everything works, not how fast it is
//   --only A,B  of quality: the scenes, codecs and sizes with these names
//   --long    the pipeline's long take is 10 minutes, not 2
// Speeds are ratios of runs that took turns (A B A B), medians of three; rounds during which the host stole
// CPU time are repeated. Without the set-up that npm does: node bench/run.mjs, and KEEPTAKE_BUILD names another
// folder of builds.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from '../scripts/lib/run.mjs';
import { short, table } from './lib/figures.mjs';
import { busyBetween, cpuTimes, describeMachine, describeVersions, stealBetween } from './lib/machine.mjs';

const NAMES = ['encoder', 'quality', 'compositor', 'mixer', 'pipeline', 'cadence', 'journal', 'server', 'server-rows', 'size'];
const RESULTS = join(ROOT, 'bench/results.json');

function parse(args) {
  const options = { names: [], quick: false, long: false, json: null, only: null };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === '--quick') options.quick = true;
    else if (arg === '--long') options.long = true;
    else if (arg === '--json' && args[i + 1]) options.json = resolve(args[++i]);
    else if (arg === '--only' && args[i + 1]) options.only = args[++i].split(',');
    else if (NAMES.includes(arg)) options.names.push(arg);
    else throw new Error(`"${arg}" is none of: ${NAMES.join(' ')} --quick --long --only WORDS --json FILE`);
  }
  if (options.names.length === 0) options.names = NAMES;
  return options;
}

async function runOne(name, options) {
  const { run } = await import(`./${name}.mjs`);
  const began = Date.now();
  const before = cpuTimes();
  const date = new Date().toISOString();
  const result = await run(options);
  const after = cpuTimes();
  const seconds = (Date.now() - began) / 1000;
  const machine = { steal: stealBetween(before, after), busy: busyBetween(before, after) };
  console.log(`  ${name}: ${seconds.toFixed(0)} s, ${(machine.steal * 100).toFixed(1)} % of CPU time stolen by the host`);
  return { date, seconds, quick: options.quick, ...machine, ...result };
}

/** Results of other benches stay in the file. */
function save(options, benches) {
  const file = options.json ?? RESULTS;
  const earlier = !options.json && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).benches : {};
  const all = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    versions: describeVersions(ROOT),
    benches: { ...earlier, ...benches },
  };
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  console.log(`\nFigures are in ${file}`);
}

const options = parse(process.argv.slice(2));
const benches = {};
let failed = 0;
for (const name of options.names) {
  try {
    benches[name] = await runOne(name, options);
  } catch (error) {
    failed++;
    benches[name] = { failed: String(error?.message ?? error) };
    console.error(`\n${name} failed: ${error?.stack ?? error}`);
    if (error?.advice) console.error(`What to do: ${error.advice}`);
  }
}
const bars = Object.values(benches).flatMap((bench) => bench.bars ?? []);
if (bars.length > 0)
  table('Bars', [
    ['what', 'what'], ['measured', 'value'],
    ['bar', (row) => (row.least === undefined ? `< ${short(row.most)}` : `>= ${short(row.least)}`)],
    ['', (row) => (row.met ? 'met' : 'missed')],
  ], bars);
save(options, benches);
process.exit(failed ? 1 : 0);
