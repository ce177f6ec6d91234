import type { Share, Verdict } from '../../compiler/semantics/packet.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import type { Finding } from './walk.ts';

/** Why a Service is not as meant, in a few words that many Services can share. */
export function causeOf({ judgement, example }: Finding): string {
  switch (judgement.kind) {
    case 'known':
      return judgement.codes.join(', ');
    case 'unknown':
      return 'rules that cannot be read';
    case 'wrong':
      return differenceOf(example.wanted.verdict, example.found.verdict);
  }
}

function differenceOf(wanted: Verdict, found: Verdict): string {
  if (wanted.kind !== 'forward' || found.kind !== 'forward')
    return `${words[found.kind]}, should be ${words[wanted.kind]}`;
  const [should, is] = [addressesOf(wanted.to), addressesOf(found.to)];
  if ([...is].some((address) => !should.has(address))) return 'goes to an address that is not an endpoint';
  if ([...should].some((address) => !is.has(address))) return 'an endpoint gets nothing';
  const masks = ({ to }: typeof wanted) => to.map((share) => `${endpointText(share)} ${share.masquerade}`).join();
  return masks(wanted) === masks(found) ? 'shares differ' : 'endpoints see another source address';
}

function addressesOf(to: readonly Share[]): ReadonlySet<string> {
  return new Set(to.map(endpointText));
}

const words: Readonly<Record<Verdict['kind'], string>> = {
  forward: 'served',
  reject: 'refused',
  drop: 'dropped',
  accept: 'let in',
  untouched: 'left alone',
  mixed: 'served in part',
};
