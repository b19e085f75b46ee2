/** Line icons of the elements, drawn on a 20 by 20 grid in the text's colour. They carry no name: the control does. */

import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit';

const paths = {
  record: svg`<circle cx="10" cy="10" r="6.5" fill="currentColor" stroke="none"/>`,
  pause: svg`<path d="M7 4.5v11M13 4.5v11" stroke-width="2.6"/>`,
  play: svg`<path d="M6.5 4.2v11.6l9-5.8z" fill="currentColor"/>`,
  stop: svg`<rect x="5" y="5" width="10" height="10" rx="1.8" fill="currentColor" stroke="none"/>`,
  restart: svg`<path d="M4 10a6 6 0 1 0 1.9-4.4M4 3.6v3.3h3.3"/>`,
  mic: svg`<rect x="7.2" y="2.5" width="5.6" height="9.2" rx="2.8"/><path d="M4.5 9.5a5.5 5.5 0 0 0 11 0M10 15v2.6"/>`,
  'mic-off': svg`<path d="M7.2 7.6v1.3a2.8 2.8 0 0 0 4.3 2.3M12.8 9V5.3a2.8 2.8 0 0 0-5.3-1.2M4.5 9.5a5.5 5.5 0 0 0 8.7 4.5M15.2 11.3c.2-.6.3-1.2.3-1.8M10 15v2.6M3.2 3.2l13.6 13.6"/>`,
  camera: svg`<rect x="2.5" y="5" width="10.5" height="10" rx="2.2"/><path d="m13 9 4.5-2.6v7.2L13 11z"/>`,
  'camera-off': svg`<path d="M6.8 5h4a2.2 2.2 0 0 1 2.2 2.2V9l4.5-2.6v7.2l-2-1.1M12.8 13.7c-.4.8-1.1 1.3-2 1.3H4.7a2.2 2.2 0 0 1-2.2-2.2V7.2c0-.9.5-1.6 1.2-2M3 3l14 14"/>`,
  screen: svg`<rect x="2.5" y="3.8" width="15" height="10" rx="1.8"/><path d="M7 16.8h6M10 13.8v3M10 11V7M8.2 8.6 10 6.8l1.8 1.8"/>`,
  people: svg`<circle cx="7.6" cy="7" r="2.8"/><path d="M2.6 16c.2-2.9 2.2-4.6 5-4.6s4.8 1.7 5 4.6M13 4.5a2.6 2.6 0 0 1 0 5M14.6 11.8c1.7.5 2.7 2 2.9 4.2"/>`,
  layout: svg`<rect x="2.8" y="3.5" width="14.4" height="13" rx="2"/><path d="M11.2 3.5v13M11.2 10h6"/>`,
  background: svg`<rect x="2.8" y="3.5" width="14.4" height="13" rx="2"/><path d="m3.2 13.6 3.8-3.8 3.2 3.2 2-2 4.6 4.4"/><circle cx="13.2" cy="7.2" r="1.2"/>`,
  hook: svg`<rect x="2.8" y="3.5" width="14.4" height="13" rx="2"/><path d="M5.8 10.8h8.4M5.8 13.5h5"/>`,
  settings: svg`<path d="M3 6h6.5M14 6h3M3 14h3M10.5 14H17"/><circle cx="11.8" cy="6" r="2.1"/><circle cx="8.2" cy="14" r="2.1"/>`,
  library: svg`<rect x="2.8" y="4.8" width="14.4" height="11.7" rx="2"/><path d="M5.5 2.5h9M8.6 8.3v4.8l4-2.4z"/>`,
  download: svg`<path d="M10 3v9.2M6.4 8.8 10 12.4l3.6-3.6M3.6 14.2v1.3c0 .9.7 1.5 1.5 1.5h9.8c.8 0 1.5-.6 1.5-1.5v-1.3"/>`,
  trash: svg`<path d="M3.5 5.5h13M8 5.3V3.6h4v1.7M5.2 5.5l.7 10c.1.8.7 1.4 1.5 1.4h5.2c.8 0 1.4-.6 1.5-1.4l.7-10M8.3 8.6v5M11.7 8.6v5"/>`,
  plus: svg`<path d="M10 4v12M4 10h12"/>`,
  close: svg`<path d="m5 5 10 10M15 5 5 15"/>`,
  check: svg`<path d="m4.2 10.6 3.9 3.9 7.7-8.7"/>`,
  warning: svg`<path d="M10 3.2 2.6 16.2h14.8zM10 8.2v3.6M10 14v.1"/>`,
  info: svg`<circle cx="10" cy="10" r="7.2"/><path d="M10 9.2v4.4M10 6.5v.1"/>`,
  eye: svg`<path d="M2.5 10S5.2 4.8 10 4.8 17.5 10 17.5 10 14.8 15.2 10 15.2 2.5 10 2.5 10z"/><circle cx="10" cy="10" r="2.3"/>`,
  'eye-off': svg`<path d="M8.2 5c.6-.1 1.2-.2 1.8-.2 4.8 0 7.5 5.2 7.5 5.2a13 13 0 0 1-2.2 2.8M5 6.6A13 13 0 0 0 2.5 10s2.7 5.2 7.5 5.2c1.5 0 2.7-.5 3.8-1.1M3 3l14 14"/>`,
  mirror: svg`<path d="M10 3v14" stroke-dasharray="1.8 2.2"/><path d="M7.5 6v8H2.8zM12.5 6v8h4.7z"/>`,
  tag: svg`<path d="M3 4.5A1.5 1.5 0 0 1 4.5 3h5.2l7.3 7.3-6.7 6.7L3 9.7z"/><path d="M6.7 6.7v.1" stroke-width="2.4"/>`,
  sliders: svg`<path d="M5 3v7M5 14v3M10 3v3M10 10v7M15 3v8M15 15v2M3.2 12h3.6M8.2 8h3.6M13.2 13h3.6"/>`,
  file: svg`<path d="M5 2.8h6.2L15.5 7v10.2H5z"/><path d="M11 2.8V7.2h4.5M8.7 9.6v4l3.2-2z"/>`,
  pattern: svg`<rect x="2.8" y="4" width="14.4" height="12" rx="1.8"/><path d="M6.4 4v8M10 4v8M13.6 4v8M2.8 12h14.4"/>`,
  code: svg`<path d="m6.5 6-4 4 4 4M13.5 6l4 4-4 4M11.5 4l-3 12"/>`,
  back: svg`<path d="M16.5 10h-13M8.5 5l-5 5 5 5"/>`,
  volume: svg`<path d="M3 7.8v4.4h2.8L10 15.8V4.2L5.8 7.8zM13 7.6a3.4 3.4 0 0 1 0 4.8M15.2 5.2a6.8 6.8 0 0 1 0 9.6"/>`,
  'volume-off': svg`<path d="M3 7.8v4.4h2.8L10 15.8V4.2L5.8 7.8zM13.2 8l4 4M17.2 8l-4 4"/>`,
  expand: svg`<path d="M3.5 7.5v-4h4M16.5 7.5v-4h-4M3.5 12.5v4h4M16.5 12.5v4h-4"/>`,
  link: svg`<path d="M8.6 11.4a3 3 0 0 0 4.3 0l3-3a3 3 0 0 0-4.3-4.3l-.9.9M11.4 8.6a3 3 0 0 0-4.3 0l-3 3a3 3 0 0 0 4.3 4.3l.9-.9"/>`,
  grip: svg`<path d="M7.2 5v.1M12.8 5v.1M7.2 10v.1M12.8 10v.1M7.2 15v.1M12.8 15v.1" stroke-width="2.6"/>`,
  edit: svg`<path d="m4 16 .7-3.4L13 4.3a1.5 1.5 0 0 1 2.1 0l.6.6a1.5 1.5 0 0 1 0 2.1L7.4 15.3zM11.6 5.7l2.7 2.7"/>`,
  save: svg`<path d="M4.8 3.5h8.4l3.3 3.3v8.4c0 .7-.6 1.3-1.3 1.3H4.8c-.7 0-1.3-.6-1.3-1.3V4.8c0-.7.6-1.3 1.3-1.3zM6.5 16.3v-5h7v5M6.8 3.7v3.6h5"/>`,
  scenes: svg`<rect x="2.8" y="6.5" width="11.4" height="10" rx="2"/><path d="M6 6.4V5.3c0-1 .8-1.8 1.8-1.8h7.4c1 0 1.8.8 1.8 1.8v6.4c0 1-.8 1.8-1.8 1.8h-.9"/>`,
  logo: svg`<rect x="2.8" y="3.5" width="14.4" height="13" rx="2"/><path d="m13 6 .8 1.5 1.7.3-1.2 1.2.3 1.7-1.6-.8-1.5.8.2-1.7-1.2-1.2 1.7-.3z" fill="currentColor" stroke="none"/>`,
  flag: svg`<path d="M5 17.2V3.2M5 4h9.4l-2 3.2 2 3.3H5"/>`,
  loop: svg`<path d="M4 9V8a2.6 2.6 0 0 1 2.6-2.6h8.2M12.4 2.8 15 5.4 12.4 8M16 11v1a2.6 2.6 0 0 1-2.6 2.6H5.2M7.6 17.2 5 14.6 7.6 12"/>`,
  front: svg`<rect x="7.5" y="7.5" width="9" height="9" rx="1.6" fill="currentColor"/><path d="M12.5 3.5h-7a2 2 0 0 0-2 2v7"/>`,
  behind: svg`<rect x="3.5" y="3.5" width="9" height="9" rx="1.6"/><path d="M12.5 7.5h2a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2h-5a2 2 0 0 1-2-2v-2" fill="currentColor" stroke="none" opacity=".55"/>`,
  rectangle: svg`<rect x="3" y="5" width="14" height="10"/>`,
  rounded: svg`<rect x="3" y="5" width="14" height="10" rx="3.5"/>`,
  circle: svg`<circle cx="10" cy="10" r="6.2"/>`,
  rescue: svg`<circle cx="10" cy="10" r="7.2"/><circle cx="10" cy="10" r="2.9"/><path d="m4.9 4.9 3 3M12.1 12.1l3 3M15.1 4.9l-3 3M7.9 12.1l-3 3"/>`,
  shield: svg`<path d="M10 2.8 4 5v4.6c0 3.6 2.5 6.3 6 7.6 3.5-1.3 6-4 6-7.6V5zM7.2 9.8l2 2 3.6-3.9"/>`,
  offline: svg`<path d="M5.6 15.2a3.6 3.6 0 0 1-.4-7.1M8 5.6a5 5 0 0 1 6.9 3.6 3.2 3.2 0 0 1 1.7 4.6M3 3l14 14M5.6 15.2H14"/>`,
  keys: svg`<rect x="2" y="5" width="16" height="10" rx="2"/><path d="M5 8.3v.1M8.3 8.3v.1M11.7 8.3v.1M15 8.3v.1M6.5 11.8h7" stroke-width="1.8"/>`,
  clock: svg`<circle cx="10" cy="10" r="7.2"/><path d="M10 6v4.2l2.8 1.8"/>`,
} satisfies Record<string, SVGTemplateResult>;

/** Names of the drawings. */
export type IconName = keyof typeof paths;

/** One icon, `size` CSS pixels square (default 20), hidden from assistive technology. */
export function icon(name: IconName, size = 20): TemplateResult {
  return html`<svg
    width=${size}
    height=${size}
    viewBox="0 0 20 20"
    fill="none"
    stroke="currentColor"
    stroke-width="1.6"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    ${paths[name]}
  </svg>`;
}
