/** Hands a file to the person: the browser's own download. */

/** Saves what an address gives under a name. */
export function save(url: string, name: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.rel = 'noopener';
  document.body.append(link);
  link.click();
  link.remove();
}

/** Saves bytes of this page under a name. */
export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A title as the name of a file, without its ending; `take` when nothing of it can stay. */
export function fileName(title: string): string {
  return title.replace(/[^\p{L}\p{N} ._-]+/gu, '').trim() || 'take';
}
