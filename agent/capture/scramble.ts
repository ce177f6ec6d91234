import { createHmac } from 'node:crypto';
import type { Backend } from '../../backends/backend.ts';
import type { NamedPort } from '../../backends/maker.ts';
import type { CompileInput } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import { asFields } from '../../compiler/model/fields.ts';
import { parsePacket, formatPacket } from '../../compiler/semantics/packet-text.ts';
import { families, type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import {
  type ClusterName,
  importKey,
  parseClusterName,
  parseNamespace,
  parseObjectName,
  parsePortName,
  serviceKey,
} from '../../compiler/values/names.ts';
import { type Port, parsePort } from '../../compiler/values/port.ts';
import { parseConfiguration } from '../config/config.ts';
import { registryOf } from '../config/registry-watch.ts';
import type { DumpTexts } from '../input/dumps.ts';
import type { Captured } from './case-files.ts';
import type { Finding } from './captured.ts';
import { objectsOf, type OwnedObject, withObjects } from './reduce.ts';
import {
  type AddressScrambler,
  addressPattern,
  createAddressScrambler,
  scrambledAddress,
} from './scramble-addresses.ts';
import { createNameScrambler, type NameScrambler } from './scramble-names.ts';
import { namesIn, scrambledDocument, scrambledObject } from './scramble-objects.ts';

/*
 * A case under other names and addresses: the same everywhere, so that it still shows what it showed. In objects and settings it
 * is known which texts are names. A dump is text: in it, names of Services stand as `shop/cart:http` or `shop/cart/tcp/http`, and
 * in names that a backend makes of them, which it tells (`Backend.hiddenNames`). Ports stay, and what every cluster has.
 */

export type Documents = Pick<Captured, 'configuration' | 'registry' | 'compat'>;

/**
 * seed    the same gives the same case; who knows it can find the addresses again
 * whole   everything that the finding was made small from: no name of it may be left
 */
export function scrambledCase(
  seed: string,
  { input, packets, dump, tries }: Finding,
  documents: Documents,
  { whole, backend }: { readonly whole: CompileInput; readonly backend: Backend },
): { readonly finding: Finding; readonly documents: Documents } {
  const all = objectsOf(whole);
  const found = new Set([...(dump?.texts.values() ?? [])].flatMap(namesInText));
  const names = new Set([...namesIn(all, [documents.configuration, documents.registry]), ...found]);
  const own = whole.nodeName === undefined ? names : new Set([...names, whole.nodeName]);
  const words = createNameScrambler(seed, own);
  const addresses = createAddressScrambler(seed);
  const scrambler = { ...words, addresses: (text: string) => withAddresses(text, addresses) };

  const configuration = asFields(scrambledDocument(documents.configuration, scrambler));
  const registry = scrambledDocument(documents.registry, scrambler);
  const objects = objectsOf(input).flatMap(({ cluster, object }): OwnedObject[] => {
    const made = scrambledObject(object, scrambler);
    return made === undefined ? [] : [{ cluster: cluster && clusterFor(cluster, words), object: made }];
  });
  const { nodeName, settings } = input;
  const clusters = input.clusters.map(({ cluster }) => ({
    cluster: cluster && clusterFor(cluster, words),
    objects: [],
  }));
  const made: CompileInput = {
    ...withObjects({ ...input, clusters }, objects),
    nodeName: nodeName === undefined ? undefined : words.name(nodeName),
    settings:
      configuration === undefined
        ? settings
        : {
            ...parseConfiguration(configuration, 'settings.yaml', { compat: settings.compat, backend: backend.name })
              .settings,
            serviceProxyName: settings.serviceProxyName,
            chainPrefix: settings.chainPrefix,
          },
    ...(registry === undefined ? {} : { registry: registryOf(registry, 'registry.yaml') }),
  };
  const hidden = hiddenNames(backend, [whole, input], dump, words, addresses);
  return {
    finding: {
      input: made,
      packets: packets.flatMap((packet) => parsePacket(scrambler.addresses(formatPacket(packet))) ?? []),
      dump: dump && scrambledDump(dump, seed, hidden, words, addresses),
      tries,
    },
    documents: { configuration, registry, compat: documents.compat },
  };
}

function withAddresses(text: string, addresses: AddressScrambler): string {
  return text.replace(new RegExp(addressPattern, 'g'), (match, ...groups: (string | undefined)[]) =>
    scrambledAddress(match, addresses, groups),
  );
}

function clusterFor(cluster: ClusterName, { name }: NameScrambler): ClusterName {
  return parsed(parseClusterName(name(cluster)), cluster);
}

/** A name is made of letters, so it is one wherever a name may stand. */
function parsed<T>(value: T | undefined, from: string): T {
  if (value === undefined) throw new Error(`what was made of ${from} is no such name`);
  return value;
}

/** Names in the rules of a program that hide a Service port's name, and what they become. */
function hiddenNames(
  { hiddenNames: namesOf }: Backend,
  inputs: readonly CompileInput[],
  dump: DumpTexts | undefined,
  words: NameScrambler,
  { address }: AddressScrambler,
): ReadonlyMap<string, string> {
  if (dump === undefined) return new Map();
  const ports = inputs.flatMap((input) => families.flatMap((family) => compile(input).services[family]));
  const told = ports.flatMap(({ known, pools }) => [...known, ...pools.cluster]);
  const endpoints = new Map(
    [...told, ...[...dump.texts.values()].flatMap(endpointsInText)].map(({ address: at, port }) => [
      `${at} ${port}`,
      { address: at, port },
    ]),
  );
  const before = [...endpoints.values()];
  const after = before.map(({ address: from, port }) => ({ address: address(from), port }));
  const text = [...dump.texts.values()].join('\n');
  const pairs = ports.flatMap((port) => {
    const made = namesOf(portFor(port, words), after);
    return namesOf(port, before).map((name, i) => [name, made[i] ?? name] as const);
  });
  return new Map(pairs.filter(([name]) => text.includes(name)));
}

function portFor({ service, portName, protocol }: NamedPort, { name }: NameScrambler): NamedPort {
  const [, namespace = '', called = '', importMark] = /^([^/]*)\/([^@]*)(@.*)?$/.exec(service) ?? [];
  const key = serviceKey(
    parsed(parseNamespace(name(namespace)), namespace),
    parsed(parseObjectName(name(called)), called),
  );
  return {
    service: importMark === undefined ? key : importKey(key),
    portName: portName === '' ? portName : parsed(parsePortName(name(portName)), portName),
    protocol,
  };
}

/** `shop/cart`, `shop/cart:http`, `shop/cart@clusterset:http`, `shop/cart/tcp/http`; a mark and its mask are none. */
const servicePattern =
  /(?<![0-9A-Za-z.])((?!0x)(?=[0-9-]*[a-z])[a-z0-9][a-z0-9-]*)\/((?=[0-9-]*[a-z])[a-z0-9][a-z0-9.-]*)(@clusterset)?(?::([a-z0-9-]*[a-z][a-z0-9-]*)|\/(tcp|udp|sctp)(?:\/([a-z0-9-]*[a-z][a-z0-9-]*))?)?/;

function namesInText(text: string): string[] {
  return [...text.matchAll(new RegExp(servicePattern, 'g'))].flatMap(([, namespace = '', name = '', , port, , last]) =>
    [namespace, name, port ?? last ?? ''].filter((one) => one !== ''),
  );
}

function endpointsInText(text: string): { readonly address: IpAddress; readonly port: Port }[] {
  return [
    ...text.matchAll(/(?<![0-9.])(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]|[0-9a-f:]*::?[0-9a-f:]*(?= ))(?::| \. )(\d+)/g),
  ].flatMap(([, at = '', number]) => {
    const [address, port] = [parseAddress(at.replace(/[[\]]/g, '')), parsePort(Number(number))];
    return address === undefined || port === undefined ? [] : [{ address, port }];
  });
}

/**
 * What may be left of a Service without an object: a hash of its name, alone or before the name. It is replaced too, because
 * whoever guesses the name could check the guess against the hash.
 */
const hashPattern = /(?<![A-Z2-7])[A-Z2-7]{16}(?![A-Z2-7])|(?<=[a-z]-)[A-Z2-7]{8}(?=-)/;

function otherHash(text: string, seed: string): string {
  const digest = createHmac('sha256', seed).update(text).digest();
  return Array.from(text, (_, i) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[(digest[i] ?? 0) % 32]).join('');
}

function scrambledDump(
  dump: DumpTexts,
  seed: string,
  hidden: ReadonlyMap<string, string>,
  words: NameScrambler,
  addresses: AddressScrambler,
): DumpTexts {
  const exact = [...hidden.keys()]
    .sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/[^A-Za-z0-9]/g, '\\$&'));
  const all = new RegExp(
    [
      // A part of a longer name is not a name.
      ...(exact.length > 0 ? [`(${exact.join('|')})(?![A-Za-z0-9_/-])`] : ['($^)']),
      addressPattern.source,
      servicePattern.source,
      hashPattern.source,
    ].join('|'),
    'g',
  );
  const put = (text: string) =>
    text.replace(all, (match: string, name: string | undefined, ...groups: (string | undefined)[]) => {
      if (name !== undefined) return hidden.get(name) ?? name;
      const [ipv4, , ipv6, , namespace, called, mark = '', port, protocol, last] = groups;
      if (ipv4 !== undefined || ipv6 !== undefined) return scrambledAddress(match, addresses, groups);
      if (namespace === undefined || called === undefined) return otherHash(match, seed);
      const behind =
        port !== undefined
          ? `:${words.name(port)}`
          : protocol === undefined
            ? ''
            : `/${protocol}${last === undefined ? '' : `/${words.name(last)}`}`;
      return `${words.name(namespace)}/${words.name(called)}${mark}${behind}`;
    });
  const texts = [...dump.texts].map(([file, text]) => [words.known(file), put(text)] as const);
  return { ...dump, texts: new Map(texts) };
}
