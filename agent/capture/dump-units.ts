/**
 * A part of a dump's text that is kept or left out as a whole: a line, a block in braces with its parts, a list of elements.
 * It does not matter which tool printed it: the caller asks the backend whether it can still read the rest.
 */
export type Unit =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'block'; readonly open: string; readonly parts: readonly Unit[]; readonly close: string }
  /** `elements = {`, then each element without its comma. */
  | { readonly kind: 'list'; readonly open: string; readonly parts: readonly Unit[] };

export function unitsOf(text: string): readonly Unit[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const { units, next } = readUnits(lines, 0);
  // Braces that do not match begin no block.
  return next === lines.length ? units : lines.map(lineUnit);
}

export function textOfUnits(units: readonly Unit[]): string {
  return units.map(unitText).join('');
}

function unitText(unit: Unit): string {
  switch (unit.kind) {
    case 'line':
      return `${unit.text}\n`;
    case 'block':
      return `${unit.open}\n${textOfUnits(unit.parts)}${unit.close}\n`;
    case 'list': {
      const elements = unit.parts.map((part) => textOfUnits([part]).trim());
      return elements.length === 0 ? '' : `${unit.open} ${elements.join(',\n\t\t\t     ')} }\n`;
    }
  }
}

function lineUnit(text: string): Unit {
  return { kind: 'line', text };
}

/** returns  the units up to the line that closes a block around them, and that line's place */
function readUnits(lines: readonly string[], from: number): { readonly units: readonly Unit[]; readonly next: number } {
  const units: Unit[] = [];
  let at = from;
  for (let line = lines[at]; line !== undefined && line.trim() !== '}'; line = lines[at]) {
    if (/ = \{/.test(line)) {
      const end = lines.findIndex((one, i) => i >= at && /\}\s*$/.test(one));
      if (end < 0) return { units, next: -1 };
      units.push(listOf(lines.slice(at, end + 1).join(' ')));
      at = end + 1;
    } else if (line.endsWith('{')) {
      const { units: parts, next } = readUnits(lines, at + 1);
      const close = lines[next];
      if (close === undefined) return { units, next: -1 };
      units.push({ kind: 'block', open: line, parts, close });
      at = next + 1;
    } else {
      units.push(lineUnit(line));
      at++;
    }
  }
  return { units, next: at };
}

function listOf(text: string): Unit {
  const begin = text.indexOf('{') + 1;
  const elements = text.slice(begin, text.lastIndexOf('}')).match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? [];
  const parts = elements
    .map((element) => lineUnit(element.trim()))
    .filter((unit) => unit.kind !== 'line' || unit.text !== '');
  return { kind: 'list', open: text.slice(0, begin), parts };
}
