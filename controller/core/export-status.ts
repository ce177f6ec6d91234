import { asFields } from '../../compiler/model/fields.ts';
import { type ClusterName, compareText } from '../../compiler/values/names.ts';
import { conditionsFor, type Finding, sentences } from './conditions.ts';
import type { Draft } from './draft.ts';
import { idIn, kinds } from './kinds.ts';
import type { Held } from './object.ts';
import type { World } from './world.ts';

/** A ServiceExport, and what is known about it before it is compared with others. */
export interface ExportFact {
  readonly cluster: ClusterName;
  readonly object: Held;
  readonly service: Held | undefined;
  readonly isValid: boolean;
  readonly reason: 'Valid' | 'NoService' | 'InvalidServiceType';
}

/** Oldest first, then by cluster: where exports differ, the first one's value counts. */
export function exportFacts(
  world: World,
  exports: ReadonlyMap<ClusterName, Held>,
  namespace: string,
  name: string,
): readonly ExportFact[] {
  return [...exports]
    .map(([cluster, object]): ExportFact => {
      const service = world.members.get(cluster)?.get(idIn(kinds.service, namespace, name));
      const reason =
        service === undefined || service.isDeleting
          ? 'NoService'
          : asFields(service.fields.spec)?.type === 'ExternalName'
            ? 'InvalidServiceType'
            : 'Valid';
      return { cluster, object, service, isValid: reason === 'Valid', reason };
    })
    .sort(
      (a, b) =>
        (a.object.createdMs === b.object.createdMs ? 0 : a.object.createdMs < b.object.createdMs ? -1 : 1) ||
        compareText(a.cluster, b.cluster),
    );
}

const validMessages: Readonly<Record<ExportFact['reason'], string>> = {
  Valid: 'The Service can be exported.',
  NoService: 'There is no Service of this namespace and name in this cluster.',
  InvalidServiceType: 'The Service is of type ExternalName, which cannot be exported.',
};

/** Conditions Valid, Ready and Conflict of an export (CC-13), in the cluster where it stands. */
export function reportExport(
  draft: Draft,
  { cluster, object, isValid, reason }: ExportFact,
  { conflicts, conflictMessage }: { readonly conflicts: readonly string[]; readonly conflictMessage: string },
): void {
  // A propagated export that does not exist yet has no status to write.
  if (draft.world.members.get(cluster)?.get(object) === undefined) return;
  const problems = draft.unwritten(({ source }) => source === cluster);
  const findings: Finding[] = [
    { type: 'Valid', status: isValid ? 'True' : 'False', reason, message: validMessages[reason] },
    isValid
      ? problems.length === 0
        ? { type: 'Ready', status: 'True', reason: 'Exported', message: 'The Service is exported.' }
        : { type: 'Ready', status: 'False', reason: 'Failed', message: sentences(problems) }
      : { type: 'Ready', status: 'False', reason: 'Pending', message: 'Nothing is exported while Valid is False.' },
    {
      type: 'Conflict',
      status: conflicts.length > 0 ? 'True' : 'False',
      reason: conflicts.length > 0 ? conflicts.join(',') : 'NoConflicts',
      message: conflictMessage || 'All exports of the Service agree.',
    },
  ];
  const apiVersion = draft.world.members.get(cluster)?.apiVersionOf(kinds.serviceExport) ?? object.apiVersion;
  draft.status({
    target: cluster,
    id: object,
    apiVersion,
    conditions: conditionsFor(object, findings, draft.world.time),
  });
}
