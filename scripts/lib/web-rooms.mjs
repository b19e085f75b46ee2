// The map of web/: which room may import from which. The package is not built while an import goes against it
// (docs/web.md has the same table in words).
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

/** Rooms of web/src, each with those that it may see besides itself. Nobody sees `page` and `worker` but the entries. */
const SRC = {
    base: [],
    engine: ['base'],
    server: ['base'],
    protocol: ['base', 'server'],
    encode: ['base', 'engine'],
    upload: ['base', 'engine', 'server'],
    journal: ['base', 'engine', 'server', 'protocol', 'upload'],
    capture: ['base', 'protocol'],
    page: ['base', 'server', 'protocol', 'journal', 'capture'],
    worker: ['base', 'engine', 'encode', 'server', 'protocol', 'upload', 'journal'],
};

/** Files of web/src itself: what each may see. */
const ENTRIES = {
    'index.ts': ['base', 'capture', 'page'],
    'worker.ts': ['protocol', 'worker'],
};

/** Outside of web/src: rooms, and packages by name (a name covers its sub-paths). */
const OUTSIDE = {
    elements: { rooms: [], packages: ['keeptake', 'lit'] },
    pages: { rooms: ['elements'], packages: ['keeptake', 'lit'] },
};

/** Room of a file under web/: `src/page`, `src/index.ts`, `elements`, `pages`; null: of none. */
function roomOf(path) {
    const [top, second] = path.split(sep);
    if (top !== 'src') return top in OUTSIDE && second ? top : null;
    return `src/${second}`;
}

/** What the files of a room may import: rooms beside their own, and packages; null: it is not on the map. */
function rightsOf(room) {
    if (room in OUTSIDE) return OUTSIDE[room];
    const name = room.replace(/^src\//, '');
    const rooms = SRC[name] ?? ENTRIES[name];
    return rooms ? { rooms: rooms.map((one) => `src/${one}`), packages: [] } : null;
}

/** One file's imports that go against the map, as sentences. `path`: below web/. */
export function wrongImports(path, text) {
    const room = roomOf(path);
    if (room === null) return [];
    const rights = rightsOf(room);
    if (!rights) return [`web/${path}: "${room}" is not on the map`];
    const { importedFiles } = ts.preProcessFile(text, true, true);
    return importedFiles.flatMap(({ fileName }) => {
        if (!fileName.startsWith('.')) {
            const known = rights.packages.some((name) => fileName === name || fileName.startsWith(`${name}/`));
            return known ? [] : [`web/${path}: "${room}" may not import the package "${fileName}"`];
        }
        const target = relative(resolve('/'), resolve('/', dirname(path), fileName));
        const other = roomOf(target.replace(/\.js$/, '.ts'));
        if (other === room || (other !== null && rights.rooms.includes(other))) return [];
        return [`web/${path}: "${room}" may not import from "${other ?? target}" ("${fileName}")`];
    });
}

/** Every import of web/ that goes against the map. `web`: the folder. */
export function checkRooms(web) {
    const wrong = [];
    const walk = (folder) => {
        for (const entry of readdirSync(folder, { withFileTypes: true })) {
            const path = join(folder, entry.name);
            if (entry.isDirectory()) {
                if (entry.name !== 'dist' && entry.name !== 'node_modules') walk(path);
            } else if (entry.name.endsWith('.ts')) {
                wrong.push(...wrongImports(relative(web, path), readFileSync(path, 'utf8')));
            }
        }
    };
    for (const top of ['src', 'elements', 'pages']) walk(join(web, top));
    return wrong;
}
