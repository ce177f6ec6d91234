import { type ChainPrefix, kubePrefix } from '../../../compiler/settings.ts';
import { families } from '../../../compiler/values/address.ts';
import type { DumpProblem, DumpReading, DumpSource, Observed } from '../../backend.ts';
import { tableName } from '../program/names.ts';
import { parseJsonListing } from '../program/parse-json.ts';
import { parseListing } from '../program/parse.ts';
import { familyWord } from '../program/print-rule.ts';
import { aheadIn } from './ahead.ts';
import { aheadInDump } from './dump-ahead.ts';
import { kubeProxyTable, withStrangers } from './observe.ts';
import type { Planner } from './plan.ts';

/** What `compile --out` calls it. */
export const fileName = 'nft';

/** What `nft list ruleset` or `nft -j list ruleset` showed: one file of any name, or the one of a folder. */
export function readDump(source: DumpSource, prefix: ChainPrefix, planner: Planner): DumpReading {
  const problems: DumpProblem[] = [];
  const path = source.kind === 'file' ? source.path : `${source.path.replace(/\/$/, '')}/${fileName}`;
  const text = source.kind === 'file' ? source.text : source.read(fileName);
  if (text === undefined) {
    return {
      observed: [],
      problems: [{ path: source.path, code: 'no-dump', message: `is a directory without ${fileName}` }],
    };
  }
  const isJson = text.trimStart().startsWith('{');
  const tables = isJson ? parseJsonListing(text) : parseListing(text);
  if (tables === undefined) {
    problems.push({ path, code: 'bad-dump', message: 'is not what nft prints, or cut short' });
    return { observed: [], problems };
  }
  const observed = families.flatMap((family): Observed[] => {
    const tableOf = (name: string) => {
      const read = tables.get(`${familyWord(family)} ${name}`);
      return read && withStrangers(read);
    };
    const program = tableOf(tableName(prefix));
    const kubeProxy = prefix === kubePrefix ? tableOf(kubeProxyTable) : undefined;
    const isMissing = program === undefined && kubeProxy === undefined && family === 'IPv6';
    if (isMissing) return [];
    const inForce = program ?? kubeProxy;
    const ahead = inForce === undefined ? [] : aheadInDump(text, family, inForce);
    const found = { family, table: tableName(prefix), program, kubeProxy, ahead };
    const told = isJson
      ? ahead.flatMap(({ name, lines }) => lines.map((rule) => ({ where: `table ${name}`, rule })))
      : aheadIn(text, { family, table: inForce?.table ?? found.table });
    return [planner.observed(path, found, told)];
  });
  return { observed, problems };
}
