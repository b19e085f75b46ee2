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
  people: svg`<circle cx="7.6" cy="7" r="2.8"/><path d="M2.6 16c.2-2.9 2.2-4.6 5-4.6s4.800 1.700 5 4.600M13 4.500a2.600 2.600 0 0 1 0 5M14.600 11.800c1.700.5 2.700 2 2.900 4.200"/>`,
  layout: svg`<rect x="2.800" y="3.500" width="14.400" height="13" rx="2"/><path d="M11.200 3.500v13M11.200 10h6"/>`,
  background: svg`<rect x="2.800" y="3.500" width="14.400" height="13" rx="2"/><path d="m3.200 13.600 3.800-3.800 3.200 3.200 2-2 4.600 4.400"/><circle cx="13.200" cy="7.200" r="1.200"/>`,
  hook: svg`<rect x="2.800" y="3.500" width="14.400" height="13" rx="2"/><path d="M5.800 10.800h8.400M5.800 13.500h5"/>`,
  settings: svg`<path d="M3 6h6.500M14 6h3M3 14h3M10.500 14H17"/><circle cx="11.800" cy="6" r="2.100"/><circle cx="8.200" cy="14" r="2.100"/>`,
  library: svg`<rect x="2.800" y="4.800" width="14.400" height="11.700" rx="2"/><path d="M5.500 2.500h9M8.600 8.300v4.800l4-2.400z"/>`,
  download: svg`<path d="M10 3v9.200M6.400 8.800 10 12.400l3.600-3.600M3.600 14.200v1.300c0 .9.700 1.500 1.500 1.500h9.800c.8 0 1.500-.6 1.500-1.500v-1.300"/>`,
  trash: svg`<path d="M3.500 5.500h13M8 5.300V3.600h4v1.700M5.200 5.500l.7 10c.1.800.7 1.400 1.500 1.400h5.200c.8 0 1.400-.6 1.500-1.400l.7-10M8.300 8.600v5M11.700 8.600v5"/>`,
  plus: svg`<path d="M10 4v12M4 10h12"/>`,
  close: svg`<path d="m5 5 10 10M15 5 5 15"/>`,
  check: svg`<path d="m4.200 10.600 3.900 3.900 7.700-8.700"/>`,
  warning: svg`<path d="M10 3.200 2.600 16.200h14.800zM10 8.200v3.600M10 14v.1"/>`,
  info: svg`<circle cx="10" cy="10" r="7.200"/><path d="M10 9.200v4.400M10 6.500v.1"/>`,
  eye: svg`<path d="M2.500 10S5.200 4.800 10 4.800 17.500 10 17.500 10 14.800 15.200 10 15.200 2.500 10 2.500 10z"/><circle cx="10" cy="10" r="2.300"/>`,
  'eye-off': svg`<path d="M8.200 5c.6-.1 1.200-.2 1.800-.2 4.800 0 7.500 5.200 7.500 5.200a13 13 0 0 1-2.200 2.800M5 6.600A13 13 0 0 0 2.500 10s2.700 5.200 7.500 5.200c1.500 0 2.700-.5 3.800-1.100M3 3l14 14"/>`,
  mirror: svg`<path d="M10 3v14" stroke-dasharray="1.800 2.200"/><path d="M7.500 6v8H2.800zM12.500 6v8h4.700z"/>`,
  tag: svg`<path d="M3 4.500A1.500 1.500 0 0 1 4.500 3h5.200l7.300 7.300-6.700 6.700L3 9.700z"/><path d="M6.700 6.700v.1" stroke-width="2.400"/>`,
  sliders: svg`<path d="M5 3v7M5 14v3M10 3v3M10 10v7M15 3v8M15 15v2M3.200 12h3.600M8.200 8h3.600M13.200 13h3.600"/>`,
  file: svg`<path d="M5 2.800h6.200L15.500 7v10.200H5z"/><path d="M11 2.800V7.200h4.500M8.700 9.600v4l3.200-2z"/>`,
  pattern: svg`<rect x="2.800" y="4" width="14.400" height="12" rx="1.800"/><path d="M6.400 4v8M10 4v8M13.600 4v8M2.800 12h14.400"/>`,
  code: svg`<path d="m6.500 6-4 4 4 4M13.500 6l4 4-4 4M11.500 4l-3 12"/>`,
  back: svg`<path d="M16.500 10h-13M8.500 5l-5 5 5 5"/>`,
  volume: svg`<path d="M3 7.800v4.400h2.800L10 15.800V4.200L5.800 7.800zM13 7.600a3.400 3.400 0 0 1 0 4.800M15.200 5.200a6.800 6.800 0 0 1 0 9.600"/>`,
  'volume-off': svg`<path d="M3 7.800v4.400h2.800L10 15.800V4.200L5.800 7.800zM13.200 8l4 4M17.200 8l-4 4"/>`,
  expand: svg`<path d="M3.500 7.500v-4h4M16.500 7.500v-4h-4M3.500 12.500v4h4M16.500 12.500v4h-4"/>`,
  link: svg`<path d="M8.600 11.400a3 3 0 0 0 4.300 0l3-3a3 3 0 0 0-4.300-4.300l-.9.900M11.400 8.600a3 3 0 0 0-4.300 0l-3 3a3 3 0 0 0 4.300 4.300l.9-.9"/>`,
  rectangle: svg`<rect x="3" y="5" width="14" height="10"/>`,
  rounded: svg`<rect x="3" y="5" width="14" height="10" rx="3.500"/>`,
  circle: svg`<circle cx="10" cy="10" r="6.200"/>`,
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
