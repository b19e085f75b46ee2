/** The devices of this machine, for an element: read anew whenever one comes or goes. */

import type { ReactiveController, ReactiveControllerHost } from 'lit';

export class DeviceList implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  all: readonly MediaDeviceInfo[] = [];

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    navigator.mediaDevices?.addEventListener('devicechange', this.read);
    void this.read();
  }

  hostDisconnected(): void {
    navigator.mediaDevices?.removeEventListener('devicechange', this.read);
  }

  /** Also after a permission was given: names are empty before. */
  readonly read = async (): Promise<void> => {
    this.all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    this.#host.requestUpdate();
  };
}
