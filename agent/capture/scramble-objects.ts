import { asFields, type Fields } from '../../compiler/model/fields.ts';
import { recognise } from '../../compiler/model/kinds.ts';
import { reduceObject } from '../sources/reduce.ts';
import type { OwnedObject } from './reduce.ts';
import type { NameScrambler } from './scramble-names.ts';

/** What texts become. */
export interface Scrambler extends NameScrambler {
  /** A text that may have addresses in it; everything else in it stays. */
  addresses(text: string): string;
}

/** Fields whose texts are words of an API. */
const wordFields: ReadonlySet<string> = new Set(
  (
    'apiVersion kind type types protocol addressType ipFamilyPolicy ipFamilies sessionAffinity externalTrafficPolicy ' +
    'internalTrafficPolicy trafficDistribution appProtocol ipMode status reason effect state onLost creationTimestamp deletionTimestamp'
  ).split(' '),
);

/** Fields that hold nothing that rules are made from, and what people write into them. */
const leftOut: ReadonlySet<string> = new Set(['selector', 'message', 'clientConnection', 'kubeconfig']);

/** Labels and annotations that rules depend on; all others are left out. */
const keys =
  /^(slicewright\.dev|service\.cilium\.io|multicluster\.kubernetes\.io|endpointslice\.(kubernetes|karmada)\.io|(work\.)?karmada\.io|topology\.kubernetes\.io|endpoints\.kubernetes\.io)\/|^service\.kubernetes\.io\/(service-proxy-name|headless|topology-)|^kubernetes\.io\/(service-name|hostname)$|\/derived-service$/;

/** Those of them whose value is exactly one name. */
const nameKeys =
  /\/(service-name|source-cluster|derived-service|provision-cluster|zone|region|hostname|permanent-id|namespace|name)$/;

/** Those of them whose value is a list with names of clusters and regions in it. */
const listKeys = /^slicewright\.dev\/(failover|cluster-weights|drain-clusters|accept-clusters)$/;
const listWords: ReadonlySet<string> = new Set(['local', 'remote', 'region', 'tier']);

/** Fields whose texts are names that also occur elsewhere. */
const nameFields: ReadonlySet<string> = new Set(
  'name namespace nodeName zone cluster clusterNames hostname hostnameOverride ownCluster id aliases region zones names'.split(
    ' ',
  ),
);

/** Every name in some objects, or in documents of settings. A slice's name consists of others, so none of its parts is added. */
export function namesIn(objects: readonly OwnedObject[], documents: readonly unknown[]): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (text: string): void => void (text !== '' && names.add(text.replace(/^derived-/, '')));
  const collect = (value: unknown, field: string): void => {
    if (typeof value === 'string') {
      if (nameFields.has(field) || nameKeys.test(field)) add(value);
      else if (listKeys.test(field)) {
        for (const [word] of value.matchAll(/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/g)) if (isListed(word)) add(word);
      }
    } else if (Array.isArray(value)) {
      for (const one of value) collect(one, field);
    } else {
      for (const [key, one] of Object.entries(asFields(value) ?? {})) {
        if (field === 'zones') collect(key, field);
        collect(one, field === 'zones' ? field : key);
      }
    }
  };
  for (const { cluster, object } of objects) {
    if (cluster !== undefined) add(cluster);
    const { metadata, ...rest } = object;
    collect(
      recognise(object)?.id?.kind === 'EndpointSlice' ? { ...asFields(metadata), name: '' } : metadata,
      'metadata',
    );
    collect(rest, '');
  }
  for (const document of documents) collect(document, '');
  return names;
}

function isListed(word: string): boolean {
  return !listWords.has(word) && /[a-z]/.test(word);
}

/** An object, reduced to what rules are made from, under other names; undefined: no rule is made from it. */
export function scrambledObject(object: Fields, scrambler: Scrambler): Fields | undefined {
  const { apiVersion, kind } = object;
  if (recognise(object) === undefined || typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  const reduced = reduceObject(object, kind, apiVersion);
  return reduced && asFields(scrambled(reduced.value, '', scrambler, isAnyName));
}

const isAnyName = () => true;

/** Settings and the registry: only names in them are replaced; every other text has a meaning. */
export function scrambledDocument(document: unknown, scrambler: Scrambler): unknown {
  return scrambled(document, '', scrambler, (field) => nameFields.has(field));
}

function scrambled(value: unknown, field: string, scrambler: Scrambler, isName: (field: string) => boolean): unknown {
  if (typeof value === 'string') return scrambledText(value, field, scrambler, isName(field));
  if (Array.isArray(value)) return value.map((one) => scrambled(one, field, scrambler, isName));
  const fields = asFields(value);
  if (fields === undefined) return value;
  const isMarks = field === 'labels' || field === 'annotations';
  const entries = Object.entries(fields).flatMap(([key, one]): [string, unknown][] => {
    if (one === undefined || leftOut.has(key) || (isMarks && !keys.test(key))) return [];
    if (isMarks) return [[key, scrambled(one, key, scrambler, (mark) => nameKeys.test(mark))]];
    if (field === 'zones') return [[scrambler.name(key), scrambled(one, field, scrambler, isName)]];
    return [[key, scrambled(one, key, scrambler, isName)]];
  });
  return Object.fromEntries(entries);
}

function scrambledText(text: string, field: string, scrambler: Scrambler, isName: boolean): string {
  // Timestamps and numbers are no names, and neither is a wildcard.
  if (wordFields.has(field) || (/^\d{4}-\d\d-\d\dT|^[\d.%]*$/.test(text) && !/^\d+\.\d+\.\d+\.\d+$/.test(text)))
    return text;
  const moved = scrambler.addresses(text);
  if (moved !== text) return moved;
  return isName ? scrambler.name(text) : scrambler.known(text);
}
