import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { nftables } from '../../backends/nftables/index.ts';
import { parseJsonListing } from '../../backends/nftables/program/parse-json.ts';
import { parseListing, type ReadTable } from '../../backends/nftables/program/parse.ts';
import { printProgram } from '../../backends/nftables/program/print.ts';
import { families } from '../../compiler/values/address.ts';
import { compileCase, expectedFile } from '../conformance/cases.ts';

/* nft's text and JSON differ between versions: what 1.1.3 lists is read as what was loaded. */

const listing = (file: string) => readFileSync(new URL(`listings/${file}`, import.meta.url), 'utf8');

function read(tables: ReadonlyMap<string, ReadTable> | undefined): string[] {
  return [...(tables?.values() ?? [])].map(({ program, strange }) => {
    expect(strange).toEqual([]);
    expect(
      [...program.chains.values()].flatMap(({ lines, rules }) => lines.filter((_, i) => rules[i] === undefined)),
    ).toEqual([]);
    return printProgram(program);
  });
}

it.each(['059-mix', '027-affinity-nodeport-lb'])("slicewright's table of %s, as text and as JSON", (name) => {
  const { services, node } = compileCase(name, 'none');
  const loaded = families.map((family) => printProgram(assemble(nftables, services[family], node[family]).program));
  expect(read(parseListing(listing(`${name}.nft`)))).toEqual(loaded);
  expect(read(parseJsonListing(listing(`${name}.json`)))).toEqual(loaded);
});

it("kube-proxy's table, as text and as JSON", () => {
  const loaded = read(parseListing(expectedFile('059-mix', 'expected.nft') ?? ''));
  expect(read(parseListing(listing('kube-proxy-059.nft')))).toEqual(loaded);
  expect(read(parseJsonListing(listing('kube-proxy-059.json')))).toEqual(loaded);
});
