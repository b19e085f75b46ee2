/** Keeps the keyboard focus in an element whose focused control goes away with a redraw. */

import type { ReactiveController, ReactiveControllerHost } from 'lit';

const FOCUSABLE = 'button, input, select, textarea, a[href], summary, [tabindex]';

/** The element that has the focus, through all shadow roots; null while the page itself has it. */
export function focused(): Element | null {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) {
    active = active.shadowRoot.activeElement;
  }
  return active === document.body || active === document.documentElement ? null : active;
}

/**
 * Sent (bubbling, composed) by an element in which nothing is left that could take the focus over, so that it has
 * fallen to the page: whoever knows the page moves it to where work goes on.
 */
export const FOCUS_LOST = 'kt-focus-lost';

/**
 * Sends {@link FOCUS_LOST} where nothing has the focus, or what has it cannot be seen and loses it in a moment: to be
 * called when a dialog has closed, which may have been opened by nobody.
 */
export function tellIfLost(host: HTMLElement): void {
  if (!(focused()?.checkVisibility() ?? false)) {
    host.dispatchEvent(new CustomEvent(FOCUS_LOST, { bubbles: true, composed: true }));
  }
}

function usable(element: HTMLElement): boolean {
  return element.isConnected && element.checkVisibility() && !element.matches(':disabled');
}

/**
 * A control that was focused and is gone hands the focus to its neighbour: the next one of the closest ancestor that
 * is still there, else the one before. A control that is disabled for a while gets it back. Where the element has
 * nothing left, {@link FOCUS_LOST} tells the page.
 */
export class FocusKeeper implements ReactiveController {
  readonly #host: ReactiveControllerHost & HTMLElement;
  readonly #handled: () => boolean;
  #held: HTMLElement | null = null;
  #ancestors: Element[] = [];
  /** Place among the focusable elements of each ancestor. */
  #places: number[] = [];

  /** `elsewhere`: the host moves the focus itself after this redraw. */
  constructor(host: ReactiveControllerHost & HTMLElement, elsewhere: () => boolean = () => false) {
    this.#host = host;
    this.#handled = elsewhere;
    host.addController(this);
  }

  hostUpdate(): void {
    const active = this.#host.shadowRoot?.activeElement;
    if (active instanceof HTMLElement) {
      this.#held = active;
      this.#ancestors = [];
      this.#places = [];
      for (let up = active.parentElement; up !== null; up = up.parentElement) {
        this.#ancestors.push(up);
        this.#places.push([...up.querySelectorAll(FOCUSABLE)].indexOf(active));
      }
    }
  }

  hostUpdated(): void {
    const held = this.#held;
    if (held === null) {
      return;
    }
    const now = focused();
    const elsewhere = now !== null && now !== held;
    // A nested element looks after itself as long as it is there.
    const nested = held.shadowRoot !== null && held.isConnected;
    if (elsewhere || nested) {
      this.#held = null;
    } else if (usable(held)) {
      held.focus({ preventScroll: true });
      this.#held = null;
    } else if (!held.matches(':disabled') || !held.isConnected || !held.checkVisibility()) {
      this.#held = null;
      if (!this.#handled()) {
        this.#neighbour()?.focus();
        tellIfLost(this.#host);
      }
    }
  }

  #neighbour(): HTMLElement | null {
    const root = this.#host.shadowRoot;
    for (const [i, ancestor] of this.#ancestors.entries()) {
      const all = [...ancestor.querySelectorAll<HTMLElement>(FOCUSABLE)];
      if (ancestor.isConnected) {
        const place = Math.max(0, this.#places[i] ?? 0);
        const found = all.slice(place).find(usable) ?? all.slice(0, place).reverse().find(usable);
        if (found !== undefined) {
          return found;
        }
      }
    }
    return [...(root?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])].find(usable) ?? null;
  }
}
