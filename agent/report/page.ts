import { createHash } from 'node:crypto';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { counted } from '../../compiler/values/counted.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { createDrawer } from '../graph/svg.ts';
import type { PlaceOf } from '../input/place.ts';
import manifest from '../../package.json' with { type: 'json' };
import { script } from './browser/main.bundle.ts';
import { changesOf, changeWord, comparisonView } from './changes.ts';
import type { Comparison } from './comparison.ts';
import { detailsOf, diagnosticOf } from './details.ts';
import { countsText, filtersOf, rowOf } from './rows.ts';
import type { ReportedServices } from './services.ts';
import { style } from './style.ts';
import { render as renderDetails } from './templates/details.html.hbs.ts';
import { render as renderPage } from './templates/page.html.hbs.ts';

/** The content of a page. */
export interface Report extends ReportedServices {
  readonly title: string;
  readonly node: string;
  readonly backend: string;
  /** The comparison with the node's rules or other objects; undefined: there is none. */
  readonly comparison: Comparison | undefined;
  readonly placeOf: PlaceOf;
}

export interface PageChoices {
  /** The most characters of graphs, rules and tables of endpoints; later Services only get a row, which says so. */
  readonly maxDetails: number;
  /** Awaited between two Services, where the caller has other work to do. */
  readonly breathe?: () => Promise<void>;
}

/** This size suits browsers and mail attachments. */
export const maxDetails = 64 * 1024 * 1024;

/**
 * What the page may do: run its one script and use its one style sheet. It cannot load anything,
 * send a form, or make markup from text.
 */
export const policy = [
  "default-src 'none'",
  `script-src '${hashOf(script)}'`,
  `style-src '${hashOf(style)}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** A report as one HTML file. The same report gives the same bytes. */
export async function reportPage(report: Report, { maxDetails: room, breathe }: PageChoices): Promise<string> {
  const { services, comparison, placeOf } = report;
  const draw = await createDrawer();
  const columns = comparison === undefined ? 6 : 7;
  const details: string[] = [];
  let used = 0;
  for (const [index, service] of services.entries()) {
    await breathe?.();
    const shown = used < room ? service : { ...service, ports: [] };
    const leftOut =
      used < room ? '' : 'This page is full: name the Service, or choose with -n or -l, to see its graph and rules.';
    const view = detailsOf(shown, index, changesOf(comparison, service.key), draw, placeOf);
    const text = renderDetails({ ...view, columns, leftOut });
    used += text.length;
    details.push(text);
  }
  await breathe?.();
  const keys = new Set(services.map(({ key }) => key));
  const rows = services.map((service, index) => rowOf(service, index, changeWord(comparison, service.key)));
  return renderPage({
    ...{ title: printable(report.title, 200), policy, style, script, details: details.join('') },
    facts: factsOf(report),
    comparison: comparison && comparisonView(comparison, (service) => keys.has(service)),
    filters: filtersOf(rows),
    services: rows.map((row) => ({
      ...row,
      clusterLines: row.clusters.join('\n'),
      clusterText: row.clusters.join(', '),
      changeMark: row.change.replaceAll(' ', '-'),
    })),
    general: report.general.map((one) => diagnosticOf(one, placeOf)),
    footer: `slicewright ${manifest.version}`,
  });
}

function factsOf({ node, backend, services, general }: Report) {
  const ports = services.flatMap((service) => service.ports);
  const endpoints = new Set(ports.flatMap((port) => port.endpoints.map(({ address }) => address)));
  const all = [...new Set<Diagnostic>([...services.flatMap(({ diagnostics }) => diagnostics), ...general])];
  return [
    { name: 'Node', value: printable(node) },
    { name: 'Mode', value: backend },
    { name: 'Services', value: `${services.length}, ${counted(ports.length, 'port')}` },
    { name: 'Pods', value: counted(endpoints.size, 'address').replace(/addresss$/, 'addresses') },
    { name: 'Diagnostics', value: countsText(all) || 'none' },
  ];
}
