/** The recordings of the server that this page comes from. */

import { openRecordings } from 'keeptake';

export const recordings = openRecordings({ server: { url: location.origin } });
