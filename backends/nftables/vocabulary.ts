import type { Family } from '../../compiler/values/address.ts';
import { exemplars } from '../planning/exemplars.ts';
import { rememberedByFamily } from '../planning/remembered.ts';
import type { Scope, Target } from '../target.ts';
import { link } from './link.ts';
import { lower } from './lower.ts';
import { type Vocabulary, vocabularyOf } from './program/vocabulary.ts';

/** The parts that programs of this backend can have in a family. */
export const nftablesVocabulary = rememberedByFamily(
  (family: Family, { prefix }: Pick<Scope, 'prefix'>): Vocabulary =>
    vocabularyOf(exemplars(family, prefix).map(programOf)),
);

function programOf({ services, node }: Target) {
  return link(new Map(services.map((ir) => [ir.id, lower(ir, node).unit])), node);
}
