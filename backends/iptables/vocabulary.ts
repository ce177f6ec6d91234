import type { ServicePortId } from '../../compiler/values/names.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { OwnChains } from '../netfilter/own-chains.ts';
import { type Vocabulary, vocabularyOf } from '../netfilter/vocabulary.ts';
import { exemplars } from '../planning/exemplars.ts';
import { rememberedByFamily } from '../planning/remembered.ts';
import type { Target } from '../target.ts';
import { link } from './link.ts';
import { lower } from './lower.ts';
import type { IptablesUnit } from './unit.ts';

/** The rules that programs of this backend can have in a family. */
export const iptablesVocabulary = rememberedByFamily(
  (family: Family, own: OwnChains): Vocabulary => vocabularyOf(exemplars(family, own.prefix).map(programOf), own),
);

function programOf({ services, node }: Target) {
  const units = services.map((ir): [ServicePortId, IptablesUnit] => [
    ir.id,
    lower(ir, node, { endpointComments: true }).unit,
  ]);
  return link(new Map(units), node);
}
