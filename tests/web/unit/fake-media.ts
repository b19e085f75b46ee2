/** Tracks, streams and devices as a browser gives them, that come and go as a test says. */

export interface FakeFacts {
  deviceId?: string;
  groupId?: string;
  label?: string;
  constraints?: MediaTrackConstraints;
}

export class FakeTrack extends EventTarget {
  readonly kind: 'audio' | 'video';
  readonly label: string;
  readyState: 'live' | 'ended' = 'live';
  enabled = true;
  muted = false;
  contentHint = '';
  readonly #facts: FakeFacts;

  constructor(kind: 'audio' | 'video', facts: FakeFacts = {}) {
    super();
    this.kind = kind;
    this.label = facts.label ?? '';
    this.#facts = facts;
  }
  getSettings(): MediaTrackSettings {
    const { deviceId, groupId } = this.#facts;
    return { ...(deviceId === undefined ? {} : { deviceId }), ...(groupId === undefined ? {} : { groupId }) };
  }
  getConstraints(): MediaTrackConstraints {
    return this.#facts.constraints ?? {};
  }
  stop(): void {
    this.readyState = 'ended';
  }
  /** The device goes: unlike `stop`, that is told. */
  drop(): void {
    this.stop();
    this.dispatchEvent(new Event('ended'));
  }
  get track(): MediaStreamTrack {
    return this as unknown as MediaStreamTrack;
  }
}

export class FakeStream {
  readonly #tracks: MediaStreamTrack[];
  constructor(...tracks: FakeTrack[]) {
    this.#tracks = tracks.map(({ track }) => track);
  }
  getTracks = (): MediaStreamTrack[] => [...this.#tracks];
  addTrack = (track: MediaStreamTrack): void => void this.#tracks.push(track);
  removeTrack = (track: MediaStreamTrack): void => void this.#tracks.splice(this.#tracks.indexOf(track), 1);
  get stream(): MediaStream {
    return this as unknown as MediaStream;
  }
}

export interface FakeDevice {
  kind: 'audioinput' | 'videoinput';
  deviceId: string;
  groupId: string;
  label: string;
}

/** `navigator.mediaDevices`. */
export class FakeDevices extends EventTarget {
  listed: FakeDevice[] = [];
  readonly opened: { device: FakeDevice; track: FakeTrack; wish: MediaTrackConstraints }[] = [];
  /** Names of the errors of the next openings. */
  readonly refusals: string[] = [];
  asked = 0;

  enumerateDevices = (): Promise<FakeDevice[]> => Promise.resolve([...this.listed]);

  getUserMedia = (wish: { audio?: MediaTrackConstraints; video?: MediaTrackConstraints }): Promise<MediaStream> => {
    this.asked++;
    const refusal = this.refusals.shift();
    if (refusal) return Promise.reject(Object.assign(new Error(refusal), { name: refusal }));
    const constraints = wish.audio ?? wish.video ?? {};
    const id = (constraints.deviceId as { exact: string }).exact;
    const device = this.listed.find(
      ({ deviceId, kind }) => deviceId === id && kind === (wish.audio ? 'audioinput' : 'videoinput'),
    );
    if (!device) return Promise.reject(Object.assign(new Error(id), { name: 'OverconstrainedError' }));
    const track = new FakeTrack(wish.audio ? 'audio' : 'video', { ...device, constraints });
    this.opened.push({ device, track, wish: constraints });
    return Promise.resolve(new FakeStream(track).stream);
  };

  /** Devices as they are from now on. */
  now(...devices: FakeDevice[]): void {
    this.listed = devices;
    this.dispatchEvent(new Event('devicechange'));
  }
}
