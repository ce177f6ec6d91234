import { formatObjectRef } from '../../compiler/values/object-ref.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { endpointCells } from '../explain/table.ts';
import { type Picture, pictures } from '../graph/picture.ts';
import type { Drawing } from '../graph/svg.ts';
import type { PlaceOf } from '../input/place.ts';
import { placeFacts, placeText } from '../terminal/diagnostics.ts';
import type { ReportedPort, ReportedService } from './services.ts';

/** Limits: endpoints of one cluster drawn in a graph, rows of one table, and lines of rules of one Service port. */
const most = { drawn: 10, listed: 500, lines: 1000 };

/** Graphviz's colours and fonts; they are removed, because the page's style sheet sets its own. */
const drawnStyle =
  / (?:fill="(?:none|black)"|stroke="black"|font-family="[^"]*"|font-size="[^"]*"|xml:space="preserve")/g;

/** The content that opens under a row, as its template takes it. `svg` is markup, everything else text. */
export function detailsOf(
  { key, ports, diagnostics }: ReportedService,
  index: number,
  changes: readonly object[],
  draw: (picture: Picture) => Drawing,
  placeOf: PlaceOf,
) {
  return {
    ...{ index, key, changes },
    ports: ports.map((port) => portDetails(port, draw)),
    diagnostics: diagnostics.map((one) => diagnosticOf(one, placeOf)),
  };
}

function portDetails({ graph, endpoints, rules }: ReportedPort, draw: (picture: Picture) => Drawing) {
  const [picture] = pictures([graph], most.drawn);
  const drawing = picture && draw(picture);
  const lines = rules().trimEnd().split('\n');
  return {
    id: graph.id,
    width: drawing?.width ?? 0,
    height: drawing?.height ?? 0,
    viewBox: drawing?.viewBox ?? '',
    body: drawing?.body.replaceAll(drawnStyle, '') ?? '',
    endpoints: endpoints.slice(0, most.listed).map((endpoint) => {
      const [place, cluster, state, share, slice, why] = endpointCells(endpoint, false);
      return { place, cluster, state, share, slice, why };
    }),
    moreEndpoints: Math.max(endpoints.length - most.listed, 0),
    rules: lines.slice(0, most.lines).join('\n'),
    moreLines: Math.max(lines.length - most.lines, 0),
  };
}

/** A diagnostic in its parts. */
export function diagnosticOf(diagnostic: Diagnostic, placeOf: PlaceOf) {
  const { severity, code, object, field = '', message } = diagnostic;
  const { file, document = 1, line } = placeFacts(diagnostic, placeOf);
  const place = file === undefined ? '' : placeText({ file, document, line });
  return { severity, code, object: formatObjectRef(object), field, message, place };
}
