/** Tabs of the studio's side. */

import type { IconName } from '../../elements/icons.js';

export const TABS = [
  { id: 'people', label: 'People', icon: 'people' },
  { id: 'layout', label: 'Layout', icon: 'layout' },
  { id: 'background', label: 'Background', icon: 'background' },
  { id: 'hooks', label: 'Hooks', icon: 'hook' },
  { id: 'scenes', label: 'Scenes', icon: 'scenes' },
] as const satisfies readonly { id: string; label: string; icon: IconName }[];

export type Tab = (typeof TABS)[number]['id'];
