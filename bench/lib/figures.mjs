// Medians, tables, and runs that take turns so that a busy moment of the machine hits all of them.
import { stealBetween, cpuTimes } from './machine.mjs';

/** Above this share of stolen CPU time a round is repeated, as often as there are rounds. */
const DISTURBED = 0.05;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Rounds a figure for people: three significant digits, none lost before the point. */
export function short(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return '-';
  if (typeof value !== 'number') return String(value);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits);
}

/** Prints rows under a title. `columns`: [heading, key or function of the row][]. */
export function table(title, columns, rows) {
  const cells = rows.map((row) =>
    columns.map(([, pick]) => {
      const value = typeof pick === 'function' ? pick(row) : row[pick];
      return Number.isInteger(value) ? String(value) : short(value);
    }),
  );
  const widths = columns.map(([heading], i) => Math.max(heading.length, ...cells.map((row) => row[i].length)));
  const line = (texts) => texts.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join('  ');
  console.log(`\n${title}`);
  console.log(`  ${line(columns.map(([heading]) => heading))}`);
  for (const row of cells) console.log(`  ${line(row)}`);
}

/**
 * Runs the actors in turn, A B A B, `rounds` times; a round during which the host stole CPU time is repeated
 * while the number of tries is below twice the rounds. Resolves to an array of results for each actor, all of
 * the same rounds.
 */
export async function takeTurns(actors, rounds) {
  const tried = [];
  let calm = 0;
  for (let i = 0; i < 2 * rounds && calm < rounds; i++) {
    const before = cpuTimes();
    const results = [];
    for (const actor of actors) results.push(await actor());
    const steal = stealBetween(before, cpuTimes());
    if (steal <= DISTURBED) calm++;
    tried.push({ steal, results });
  }
  const kept = tried.sort((a, b) => a.steal - b.steal).slice(0, rounds);
  return actors.map((_, index) => kept.map((round) => round.results[index]));
}

/** One line of the bars' table: `least` or `most` is the bar. */
export function bar(what, value, limit) {
  const met = limit.least !== undefined ? value >= limit.least : value < limit.most;
  return { what, value, ...limit, met };
}
