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

/** What a page shows. */
export interface Report extends ReportedServices {
  readonly title: string;
  readonly node: string;
  readonly backend: string;
  /** What the node is compared with; undefined: nothing. */
  readonly comparison: Comparison | undefined;
  readonly placeOf: PlaceOf;
}

export interface PageChoices {
  /** Characters of graphs, rules and tables of endpoints; Services that come after are rows alone, and say so. */
  readonly maxDetails: number;
  /** Waited for between two Services, where something else has to be done meanwhile. */
  readonly breathe?: () => Promise<void>;
}

/** A browser is at ease with so much, and an attachment as well. */
export const maxDetails = 64 * 1024 * 1024;

/**
 * What the page may do: run the one script and show the one style sheet that it came with. It cannot ask for anything,
 * be framed by a form, or make markup from text.
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
