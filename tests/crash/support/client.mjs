// What all clients of the harness have in common: one request at a time, noted before it is sent, so that after a
// kill the model knows what may have happened or not.

/** @abstract step(connection), verify(connection) */
export class Client {
  constructor(name, random, counts) {
    this.name = name;
    this.random = random;
    this.counts = counts; // shared by all clients
    this.pending = null; // {kind, …}: sent, not answered when the connection broke
  }

  pick(limit) {
    return Math.floor(this.random() * limit);
  }

  choose(list) {
    return list[this.pick(list.length)];
  }

  /** A request that has to be answered with `expected`; throws what breaks the connection. */
  async attempt(pending, send, expected) {
    this.pending = pending;
    const answer = await send();
    this.expect([].concat(expected).includes(answer.status), `${pending.kind}: ${answer.status} ${answer.body}`);
    this.pending = null;
    this.counts.acknowledged[pending.kind] = (this.counts.acknowledged[pending.kind] ?? 0) + 1;
    return answer;
  }

  /** After a kill: what was under way, counted, and forgotten. */
  takePending() {
    const pending = this.pending ?? { kind: 'none' };
    this.pending = null;
    if (pending.kind !== 'none') {
      this.counts.interrupted[pending.kind] = (this.counts.interrupted[pending.kind] ?? 0) + 1;
    }
    return pending;
  }

  expect(truth, message) {
    if (!truth) throw new BrokenPromise(`${this.name}: ${message}`);
  }
}

/** The server did what it must not. */
export class BrokenPromise extends Error {}
