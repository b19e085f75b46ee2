// A client of the recordings API, as the browser is one: it begins takes, sends their parts to signed URLs (the last
// one again and again as it grows), sends timelines, completes, aborts, deletes or leaves them to the server to salvage.
import { validBytes } from '../../server/support/takes.mjs';
import { Client } from './client.mjs';
import { md5 } from './random.mjs';

const SETTINGS = { codec: 'vp9', width: 320, height: 180, fps: 30, video_bitrate: 600_000, audio_bitrate: 64_000 };
const MOST_KEPT = 6;
const HEADER = 4096;

export class ApiClient extends Client {
  /** take: {bytes, clusters: [{offset, bytes}]} of a real take file; partBytes: of the server's uploads. */
  constructor(number, random, counts, { take, partBytes }) {
    super(`API client ${number}`, random, counts);
    this.take = take;
    this.partBytes = partBytes;
    this.recording = null; // the take under way: {id, cut, parts: Map(number -> Buffer), timeline}
    this.kept = []; // complete ones: {id, content (Buffer), timeline, salvaged}
    this.salvaged = counts.salvaged; // Map(cut -> Buffer), shared: the same cut gives the same file
  }

  async step(connection) {
    const choice = this.pick(14);
    if (!this.recording) return this.begin(connection);
    if (choice === 0) return this.abort(connection);
    if (choice === 1) return this.discard(connection);
    if (choice === 2 && this.kept.length > 0) return this.readBack(connection);
    if (choice === 3) return this.list(connection);
    if (choice === 4) return this.putTimeline(connection);
    if (this.kept.length > MOST_KEPT) return this.deleteKept(connection);
    const sent = this.sentBytes();
    if (sent >= this.recording.cut) return choice % 2 ? this.complete(connection) : this.salvage(connection);
    return this.putPart(connection);
  }

  sentBytes() {
    return [...this.recording.parts.values()].reduce((sum, part) => sum + part.length, 0);
  }

  composed() {
    return Buffer.concat([...this.recording.parts].sort(([a], [b]) => a - b).map(([, data]) => data));
  }

  async begin({ call }) {
    const created = await this.attempt({ kind: 'create' }, () => call('POST', '/recordings', SETTINGS), 201);
    const { id } = created.json;
    await this.attempt({ kind: 'create upload' }, () => call('POST', `/recordings/${id}/upload`), 201);
    const first = this.take.clusters[0];
    const least = first.offset + first.bytes;
    this.recording = { id, cut: least + this.pick(this.take.bytes.length - least + 1), parts: new Map(), timeline: null };
  }

  /** The next part; a part that is not full is sent again, longer. */
  async putPart({ call, put }) {
    const { id, cut, parts } = this.recording;
    const sent = this.sentBytes();
    const number = Math.floor(sent / this.partBytes) + 1;
    const from = (number - 1) * this.partBytes;
    const most = Math.min(cut - from, this.partBytes);
    const have = parts.get(number)?.length ?? 0;
    const bytes = this.pick(3) === 0 ? have + 1 + this.pick(most - have) : most;
    const data = this.take.bytes.subarray(from, from + bytes);
    const signed = await this.attempt({ kind: 'sign' }, () => call('POST', `/recordings/${id}/upload/sign`, { parts: [number] }), 200);
    const answer = await this.attempt({ kind: 'part', number, data }, () => put(signed.json.urls[0].url, data), 200);
    this.expect(answer.headers.etag === `"${md5(data)}"`, 'part: another ETag');
    parts.set(number, data);
  }

  partList() {
    return [...this.recording.parts].sort(([a], [b]) => a - b).map(([part, data]) => ({ part, etag: md5(data) }));
  }

  async list({ call }) {
    const answer = await this.attempt({ kind: 'list' }, () => call('GET', `/recordings/${this.recording.id}/upload/parts`), 200);
    this.compareParts(answer.json.parts, 'list');
  }

  compareParts(found, when) {
    const told = JSON.stringify(found.map(({ part, etag, bytes }) => [part, etag, bytes]));
    const model = JSON.stringify(this.partList().map(({ part, etag }) => [part, etag, this.recording.parts.get(part).length]));
    this.expect(told === model, `parts ${told} are there, not ${model} (${when})`);
  }

  async putTimeline({ call }) {
    const { id } = this.recording;
    const wall = new Date(1769860800000 + this.pick(1e9)).toISOString();
    const timeline = { version: 1, canvas: { width: 320, height: 180 }, events: [{ type: 'start', take: 0, wall }] };
    await this.attempt({ kind: 'timeline', timeline }, () => call('PUT', `/recordings/${id}/timeline`, timeline), 204);
    this.recording.timeline = timeline;
  }

  async complete({ call }) {
    const content = this.composed();
    const body = { parts: this.partList(), bytes: content.length, duration: 1 };
    await this.attempt({ kind: 'complete', body, content }, () => call('POST', `/recordings/${this.recording.id}/upload/complete`, body), 200);
    this.keep(content);
  }

  keep(content, salvaged = false) {
    this.kept.push({ id: this.recording.id, content, timeline: this.recording.timeline, salvaged });
    this.recording = null;
  }

  async salvage(connection) {
    const { id } = this.recording;
    await this.attempt({ kind: 'salvage' }, () => connection.call('POST', `/recordings/${id}/salvage`), 202);
    this.recording.promised = true; // from now on it must end complete, whatever is killed
    this.pending = { kind: 'salvage poll' };
    const row = await settled(connection, id);
    this.pending = null;
    await this.keepSalvaged(connection, row);
  }

  async keepSalvaged(connection, row) {
    this.expect(row.state === 'complete' && row.salvaged, `salvaged: ${JSON.stringify(row)}`);
    const content = await this.read(connection, this.recording.id);
    this.checkSalvaged(content, this.sentBytes());
    this.keep(content, true);
  }

  /** Its whole clusters to the byte, then Cues; the same file whenever the same bytes had arrived. */
  checkSalvaged(content, cut) {
    const valid = validBytes(this.take, cut);
    this.expect(content.subarray(HEADER, valid).equals(this.take.bytes.subarray(HEADER, valid)), 'a salvaged take has other bytes');
    this.expect(content.subarray(valid, valid + 4).toString('hex') === '1c53bb6b', 'a salvaged take has no Cues');
    const known = this.salvaged.get(valid) ?? content;
    this.expect(known.equals(content), 'two salvages of the same take differ');
    this.salvaged.set(valid, content);
  }

  async abort({ call }) {
    await this.attempt({ kind: 'abort' }, () => call('DELETE', `/recordings/${this.recording.id}/upload`), 204);
    this.recording = null;
  }

  async discard({ call }) {
    await this.attempt({ kind: 'delete' }, () => call('DELETE', `/recordings/${this.recording.id}`), 204);
    this.recording = null;
  }

  async deleteKept({ call }) {
    const [kept] = this.kept.splice(this.pick(this.kept.length), 1);
    await this.attempt({ kind: 'delete kept', kept }, () => call('DELETE', `/recordings/${kept.id}`), 204);
  }

  async read({ call, get }, id) {
    const play = await call('POST', `/recordings/${id}/playback`);
    this.expect(play.status === 200, `playback: ${play.status} ${play.body}`);
    const object = await get(play.json.url);
    this.expect(object.status === 200, `playback: ${object.status}`);
    this.counts.read(object.body);
    return object.body;
  }

  async readBack(connection) {
    this.pending = { kind: 'get' };
    await this.checkKept(connection, this.choose(this.kept));
    this.pending = null;
  }

  async checkKept(connection, kept) {
    const content = await this.read(connection, kept.id);
    this.expect(content.equals(kept.content), `${kept.id}: other bytes than were acknowledged`);
    if (kept.timeline) {
      const { status, json } = await connection.call('GET', `/recordings/${kept.id}/timeline`);
      this.expect(status === 200 && json.events[0].wall === kept.timeline.events[0].wall, `${kept.id}: its timeline is ${status}`);
    }
  }

  /** Compares the server with the model after a restart. */
  async verify(connection) {
    const pending = this.takePending();
    if (pending.kind === 'delete kept') await this.verifyDeleted(connection, pending.kept);
    if (this.recording) await this.verifyRecording(connection, pending);
    if (this.kept.length > 0) await this.checkKept(connection, this.choose(this.kept));
  }

  /** Everything that was ever acknowledged and not deleted. */
  async verifyAll(connection) {
    for (const kept of this.kept) await this.checkKept(connection, kept);
  }

  async verifyDeleted(connection, kept) {
    const { status } = await connection.call('GET', `/recordings/${kept.id}`);
    this.expect(status === 404 || status === 200, `after delete: ${status}`);
    if (status === 200) this.kept.push(kept);
  }

  async verifyRecording(connection, pending) {
    const { id } = this.recording;
    const row = await settled(connection, id, this.recording.promised);
    const asked = this.recording.promised || pending.kind === 'salvage';
    const may = {
      recording: !this.recording.promised,
      complete: pending.kind === 'complete' || asked,
      aborted: pending.kind === 'abort',
      gone: pending.kind === 'delete',
    };
    this.expect(may[row.state], `${id} is ${row.state} after ${pending.kind}${asked ? ', salvaged' : ''}`);
    if (row.state === 'aborted' || row.state === 'gone') {
      this.recording = null;
    } else if (row.state === 'complete' && row.salvaged) {
      await this.keepSalvaged(connection, row);
    } else if (row.state === 'complete') {
      const again = await connection.call('POST', `/recordings/${id}/upload/complete`, pending.body);
      this.expect(again.status === 200, `complete repeated: ${again.status}`);
      this.expect((await this.read(connection, id)).equals(pending.content), 'completed with other bytes');
      this.keep(pending.content);
    } else {
      await this.verifyParts(connection, pending);
    }
  }

  async verifyParts({ call }, pending) {
    const { id, parts } = this.recording;
    const listed = await call('GET', `/recordings/${id}/upload/parts`);
    this.expect(listed.status === 200, `parts after ${pending.kind}: ${listed.status} ${listed.body}`);
    const found = listed.json.parts.find(({ part }) => part === pending.number);
    if (pending.kind === 'part' && found?.etag === md5(pending.data)) parts.set(pending.number, pending.data);
    this.compareParts(listed.json.parts, `after ${pending.kind}`);
    if (!this.recording.timeline && pending.kind !== 'timeline') return;
    const stored = await call('GET', `/recordings/${id}/timeline`);
    const walls = [this.recording.timeline, pending.timeline].map((timeline) => timeline?.events[0].wall);
    const wall = stored.json?.events?.[0]?.wall;
    this.expect(walls.includes(wall), `the timeline is of ${wall}, not ${walls}`);
    if (wall === walls[1]) this.recording.timeline = pending.timeline;
  }
}

/** The recording once nothing is pending; {state: 'gone'} where there is none. promised: not before it is complete. */
async function settled({ call }, id, promised = false) {
  for (let i = 0; i < 1000; i++) {
    const { status, json } = await call('GET', `/recordings/${id}`);
    if (status === 404) return { state: 'gone' };
    if (json.state !== 'completing' && json.state !== 'salvaging') return json;
    await new Promise((resolve) => setTimeout(resolve, promised ? 10 : 5));
  }
  throw new Error(`${id} is still pending`);
}
