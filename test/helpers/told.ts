import { createChangeReader, type ObjectChange, type Told } from '../../compiler/change.ts';
import type { CompilerContext } from '../../compiler/engine.ts';
import { createCompiler } from '../../compiler/incremental.ts';
import { recognise } from '../../compiler/model/kinds.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import type { ClusterName } from '../../compiler/values/names.ts';

/** A change as a test writes it: the object's JSON, even of an object that is gone. */
export interface WrittenChange {
  /** Absent: the cluster that the node belongs to. */
  readonly cluster?: ClusterName | undefined;
  readonly object: unknown;
  readonly gone: boolean;
}

/** What a source reports about an object: an empty list if its kind is unknown, and only its name if it is gone. */
export function told(raw: unknown, gone = false): Told[] {
  const object = recognise(raw);
  if (object === undefined) return [];
  return gone ? [{ gone, id: object.id }] : [{ gone, object }];
}

/** The changes as they travel on from the place where they entered. */
export function changesOf(
  written: readonly WrittenChange[],
  context: Pick<CompilerContext, 'settings' | 'registry'> = { settings: defaultSettings },
): ObjectChange[] {
  const read = createChangeReader(context);
  return written.flatMap(({ cluster, object, gone }) => told(object, gone).map((one) => read(one, cluster)));
}

/** A compiler that remembers, and takes changes as tests write them. */
export function createToldCompiler(context: CompilerContext) {
  const compiler = createCompiler(context);
  return {
    ...compiler,
    apply: (written: readonly WrittenChange[]) => compiler.apply(changesOf(written, context)),
    collect: (written: readonly WrittenChange[]) => compiler.collect(changesOf(written, context)),
  };
}
