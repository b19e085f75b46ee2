/** Start of the studio page: registers the elements; the page holds one `<keeptake-studio>`. */

import { defineElements } from '../../elements/index.js';
import { StudioApp } from './studio-app.js';
import { StudioAnnouncer } from './studio-announcer.js';
import { StudioLastPicture, StudioThumbnail } from './studio-thumbnail.js';
import { StudioBanners } from './studio-banners.js';
import { StudioAsk } from './studio-ask.js';
import { StudioFiles } from './studio-files.js';
import { StudioGuests } from './studio-guests.js';
import { StudioKeys } from './studio-keys.js';
import { StudioLibrary } from './studio-library.js';
import { StudioMark, StudioMarks } from './studio-marks.js';
import { StudioRoom } from './studio-room.js';
import { StudioScenes } from './studio-scenes.js';
import { StudioLink } from './studio-link.js';
import { StudioSettings } from './studio-settings.js';
import { StudioSound } from './studio-sound.js';
import { StudioTrouble } from './studio-trouble.js';

defineElements();
customElements.define('studio-announcer', StudioAnnouncer);
customElements.define('studio-room', StudioRoom);
customElements.define('studio-ask', StudioAsk);
customElements.define('studio-banners', StudioBanners);
customElements.define('studio-files', StudioFiles);
customElements.define('studio-mark', StudioMark);
customElements.define('studio-marks', StudioMarks);
customElements.define('studio-guests', StudioGuests);
customElements.define('studio-keys', StudioKeys);
customElements.define('studio-thumbnail', StudioThumbnail);
customElements.define('studio-last-picture', StudioLastPicture);
customElements.define('studio-link', StudioLink);
customElements.define('studio-library', StudioLibrary);
customElements.define('studio-scenes', StudioScenes);
customElements.define('studio-settings', StudioSettings);
customElements.define('studio-sound', StudioSound);
customElements.define('studio-trouble', StudioTrouble);
customElements.define('keeptake-studio', StudioApp);
