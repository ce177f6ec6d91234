/** A link of a page within the project. */
export interface Link {
  /** As it is written: `docs/rules.md#slices`. */
  readonly target: string;
  /** From 1. */
  readonly line: number;
}

const fence = /^ {0,3}(```|~~~)/;

/**
 * Lines of a page outside fenced and indented code; inline code is replaced by blanks, and lines of code become empty.
 */
function textLines(page: string): readonly string[] {
  let open: string | undefined;
  return page.split('\n').map((line) => {
    const mark = fence.exec(line)?.[1];
    if (mark !== undefined && (open === undefined || open === mark)) {
      open = open === undefined ? mark : undefined;
      return '';
    }
    return open === undefined && !/^ {4,}(?![-*\d])/.test(line) ? line : '';
  });
}

/** Links to files and headings; those with a scheme, as `https:`, are left out. */
export function linksIn(page: string): readonly Link[] {
  return textLines(page).flatMap((line, i) => {
    const links = [...line.replace(/`[^`]*`/g, '').matchAll(/\]\(<?([^()\s>]+)>?\)/g)].map(([, target = '']) => target);
    return links.filter((target) => !/^[a-z][a-z+.-]*:/.test(target)).map((target) => ({ target, line: i + 1 }));
  });
}

/** The anchors of a page's headings, as GitHub and `make docs` (tools/site/config.mjs) make them. */
export function anchorsIn(page: string): ReadonlySet<string> {
  const found = new Set<string>();
  const counts = new Map<string, number>();
  for (const line of textLines(page)) {
    const heading = /^#{1,6} +(.*?)(?: +#+)?$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    found.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return found;
}

function slugOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
    .replaceAll(' ', '-');
}
