import type { CompileInput } from '../../compiler/compile.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { asFields, parseTextMap } from '../../compiler/model/fields.ts';
import { recognise } from '../../compiler/model/kinds.ts';
import { expandLists } from '../../compiler/model/lists.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import { keysOf, parseAsked, type SelectionOptions, type Target } from './asked.ts';

/** The parts of a Service port that a choice looks at. */
export type Selectable = Pick<ServicePortIR, 'service' | 'portName'> & {
  readonly frontends: readonly Pick<ServicePortIR['frontends'][number], 'kind' | 'port'>[];
};

export type IsSelected = (ir: Selectable) => boolean;

/** Takes a Service port's name in a program, `shop/cart:http`. */
export type IsNameSelected = (servicePort: string) => boolean;

/**
 * Which of the Services were chosen.
 *
 * targets   `NAMESPACE/NAME[:PORT]`, or `NAME[:PORT]` with a namespace option; none: all
 * returns   a predicate. A ServiceImport is chosen by its Service's name too, and by its own labels
 * throws    UsageError
 */
export function parseSelection(
  targets: readonly string[],
  options: SelectionOptions,
  input: Pick<CompileInput, 'clusters'>,
): IsSelected {
  const { namespace, named, labelled } = parseChoices(targets, options, input);
  return (ir) =>
    (namespace === undefined || ir.service.startsWith(`${namespace}/`)) &&
    (labelled === undefined || labelled.has(ir.service)) &&
    (named.length === 0 || named.some((target) => isTarget(ir, target)));
}

/**
 * The same for names in a program. A deleted Service still has a name there but no labels, so a name can choose it and a
 * selector cannot.
 *
 * services   the existing Services, in which a port's number is looked up
 * returns    undefined: no choice was made, so all are meant
 * throws     UsageError
 */
export function parseNameSelection(
  targets: readonly string[],
  options: SelectionOptions,
  input: CompileInput,
  services: readonly ServicePortIR[],
): IsNameSelected | undefined {
  const { namespace, named, labelled } = parseChoices(targets, options, input);
  if (namespace === undefined && labelled === undefined && named.length === 0) return undefined;
  const found = new Set(
    services
      .filter((ir) => named.some((target) => isTarget(ir, target)))
      .map(({ service, portName }) => servicePortText(service, portName)),
  );
  const isNamed = (servicePort: string, service: string, port: string): boolean =>
    found.has(servicePort) ||
    named.some(
      (target) => (target.port === undefined || target.port === port) && keysOf(target.service).includes(service),
    );
  return (servicePort) => {
    const [service = servicePort, port = ''] = servicePort.split(':');
    return (
      (namespace === undefined || service.startsWith(`${namespace}/`)) &&
      (labelled === undefined || labelled.has(service)) &&
      (named.length === 0 || isNamed(servicePort, service, port))
    );
  };
}

interface Choices {
  readonly namespace: string | undefined;
  readonly named: readonly Target[];
  /** undefined: no selector was given. */
  readonly labelled: ReadonlySet<string> | undefined;
}

function parseChoices(
  targets: readonly string[],
  options: SelectionOptions,
  input: Pick<CompileInput, 'clusters'>,
): Choices {
  const { namespace, named, matches } = parseAsked(targets, options);
  return { namespace, named, labelled: matches === undefined ? undefined : labelledServices(input, matches) };
}

/** A ServiceImport is chosen by its plain name too, without the suffix of its key. */
export function isTarget(ir: Selectable, { service, port }: Target): boolean {
  if (!keysOf(service).includes(ir.service)) return false;
  if (port === undefined || ir.portName === port) return true;
  return ir.frontends.some((frontend) => frontend.kind !== 'nodePort' && String(frontend.port) === port);
}

/** Keys of the local cluster's Services and ServiceImports whose labels match. */
function labelledServices(
  { clusters }: Pick<CompileInput, 'clusters'>,
  matches: (labels: ReadonlyMap<string, string>) => boolean,
): ReadonlySet<string> {
  const own = clusters.filter(({ cluster }) => cluster === undefined).flatMap(({ objects }) => objects);
  const keys = expandLists(own, undefined, []).flatMap((object) => {
    const { id, fields } = recognise(object) ?? {};
    if (id === undefined || fields === undefined || !matches(parseTextMap(asFields(fields.metadata)?.labels)))
      return [];
    if (id.kind === 'Service') return [`${id.namespace}/${id.name}`];
    return id.kind === 'ServiceImport' ? [`${id.namespace}/${id.name}@clusterset`] : [];
  });
  return new Set(keys);
}
