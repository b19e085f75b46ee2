// The custom elements manifest (schema 1.0.0): what editors and catalogues read of the elements. Made from their sources:
// attributes from the reactive properties, the rest from the members and from the tags of each class's comment
// (@fires, @slot, @csspart, @cssprop: `name - what it is`).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const TAGS = { fires: 'events', slot: 'slots', csspart: 'cssParts', cssprop: 'cssProperties' };
const LIFECYCLE = /^(constructor|(connected|disconnected|attributeChanged)Callback)$/;

function parse(file) {
    return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
}

/** The text before the first tag, in one line. */
function describe(node) {
    const doc = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc);
    const text = typeof doc?.comment === 'string' ? doc.comment : ts.getTextOfJSDocComment(doc?.comment);
    return text?.replace(/\s+/g, ' ').replace(/\{@link ([^}]+)\}/g, '$1').trim() ?? '';
}

function tagged(node) {
    const found = {};
    for (const tag of ts.getJSDocTags(node)) {
        const kind = TAGS[tag.tagName.text];
        if (!kind) continue;
        const text = (ts.getTextOfJSDocComment(tag.comment) ?? '').replace(/\s+/g, ' ').trim();
        const [, name, description] = /^(?:([\w-]+)\s+)?-\s*(.*)$/.exec(text) ?? [null, text, ''];
        (found[kind] ??= []).push({ name: name ?? '', description });
    }
    for (const event of found.events ?? []) event.type = { text: 'CustomEvent' };
    return found;
}

const hasModifier = (node, ...kinds) => node.modifiers?.some((one) => kinds.includes(one.kind)) ?? false;
const nameOf = (node) => (node.name && ts.isIdentifier(node.name) ? node.name.text : '');

/** `{property: attribute}` of `static properties`; null where a property has none. */
function attributesOf(declaration) {
    const properties = declaration.members.find((one) => nameOf(one) === 'properties' && hasModifier(one, ts.SyntaxKind.StaticKeyword));
    const literal = properties?.initializer && ts.isObjectLiteralExpression(properties.initializer) ? properties.initializer : null;
    const found = new Map();
    for (const property of literal?.properties ?? []) {
        if (!ts.isPropertyAssignment(property) || !ts.isObjectLiteralExpression(property.initializer)) continue;
        const name = property.name.text;
        const options = new Map(property.initializer.properties.map((one) => [one.name?.text, one.initializer?.getText()]));
        const state = options.get('state') === 'true' || options.get('attribute') === 'false';
        found.set(name, state ? null : (options.get('attribute')?.slice(1, -1) ?? name.toLowerCase()));
    }
    return found;
}

/** A class's own public fields and methods. */
function membersOf(declaration) {
    const { PrivateKeyword, ProtectedKeyword, StaticKeyword, OverrideKeyword } = ts.SyntaxKind;
    const found = [];
    for (const member of declaration.members) {
        const name = nameOf(member);
        if (name === '' || LIFECYCLE.test(name) || found.some((one) => one.name === name)) continue;
        if (hasModifier(member, PrivateKeyword, ProtectedKeyword, StaticKeyword, OverrideKeyword)) continue;
        if (ts.getJSDocTags(member).some((tag) => tag.tagName.text === 'internal')) continue;
        const base = { name, description: describe(member) };
        if (ts.isMethodDeclaration(member)) found.push({ kind: 'method', ...base });
        else found.push({ kind: 'field', ...base, ...(member.type ? { type: { text: member.type.getText().replace(/\s+/g, ' ') } } : {}) });
    }
    return found;
}

function declarationOf(declaration, tagName) {
    const members = membersOf(declaration);
    const attributes = [...attributesOf(declaration)].flatMap(([fieldName, name]) => {
        const field = members.find((one) => one.name === fieldName);
        return name === null || !field ? [] : [{ name, fieldName, description: field.description, ...(field.type ? { type: field.type } : {}) }];
    });
    const parent = declaration.heritageClauses?.[0]?.types[0]?.expression.getText();
    return {
        kind: 'class',
        name: declaration.name.text,
        tagName,
        customElement: true,
        description: describe(declaration),
        ...(parent ? { superclass: { name: parent } } : {}),
        ...(attributes.length ? { attributes } : {}),
        ...(members.length ? { members } : {}),
        ...tagged(declaration),
    };
}

/** The manifest of the elements that `folder`/index.ts registers; paths are relative to the package. */
export function elementsManifest(folder) {
    const index = readFileSync(join(folder, 'index.ts'), 'utf8');
    const modules = [...index.matchAll(/^\s*'(kt-[\w-]+)': (Kt\w+),$/gm)].map(([, tag, name]) => {
        const file = parse(join(folder, `${tag}.ts`));
        const declaration = file.statements.find((one) => ts.isClassDeclaration(one) && one.name?.text === name);
        if (!declaration) throw new Error(`${tag}.ts has no class ${name}.`);
        const path = `elements/${tag}.ts`;
        return {
            kind: 'javascript-module',
            path,
            declarations: [declarationOf(declaration, tag)],
            exports: [{ kind: 'custom-element-definition', name: tag, declaration: { name, module: path } }],
        };
    });
    return { schemaVersion: '1.0.0', readme: 'README.md', modules };
}
