/** Files that the studio keeps in this browser: pictures of scenes, the logo, pictures of takes. */

const DATABASE = 'keeptake-studio';
const SHELF = 'files';
/** A storage that does not answer is none: nothing that matters waits for it. */
const OPEN_MS = 3000;

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('The storage of this browser does not answer.')), OPEN_MS);
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(SHELF);
    request.onerror = () => reject(request.error ?? new Error('The storage of this browser cannot be opened.'));
    request.onsuccess = () => {
      clearTimeout(late);
      // Another version of the page, or a cleared storage, is not held up.
      request.result.onversionchange = () => request.result.close();
      request.result.onclose = () => (opened = null);
      resolve(request.result);
    };
  }).catch((error: unknown) => {
    opened = null;
    throw error;
  });
  return opened;
}

async function run<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(SHELF, mode);
    const request = act(transaction.objectStore(SHELF));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error ?? new Error('The storage of this browser is full.'));
  });
}

/** The file of a name; null where there is none, or no storage. */
export async function getBlob(name: string): Promise<Blob | null> {
  try {
    const value: unknown = await run('readonly', (store) => store.get(name) as IDBRequest<unknown>);
    return value instanceof Blob ? value : null;
  } catch {
    return null;
  }
}

/** Keeps a file; false where the browser does not. */
export async function putBlob(name: string, file: Blob): Promise<boolean> {
  try {
    await run('readwrite', (store) => store.put(file, name));
    return true;
  } catch {
    return false;
  }
}

export async function deleteBlob(name: string): Promise<void> {
  await run('readwrite', (store) => store.delete(name)).catch(() => undefined);
}

/** Names of all files that begin so, in their order. */
export async function blobNames(beginning: string): Promise<string[]> {
  try {
    const range = IDBKeyRange.bound(beginning, `${beginning}\uffff`);
    return (await run('readonly', (store) => store.getAllKeys(range))).map(String);
  } catch {
    return [];
  }
}
