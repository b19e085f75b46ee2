/** The server's recordings for a page: list, rename, play, delete. */

import type { Recordings, RecordingsOptions } from '../base/recordings.js';
import { serverAddress } from '../protocol/assets.js';
import { RecordingsClient } from '../server/recordings.js';
import { TokenSource } from '../server/token.js';

/**
 * The recordings that a server keeps. Needs neither engine nor worker, and asks nothing before it is called.
 * @throws {KeeptakeError} `'bad-argument'` where the address is none
 */
export function openRecordings({ server }: RecordingsOptions): Recordings {
  return new RecordingsClient(serverAddress(server.url), new TokenSource(server.token));
}
