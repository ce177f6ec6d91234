/* Parts of a listing, as nft prints them alone. */

const headLine = /^(?:table |\tchain |\t\}|\}|\t\ttype \S+ hook )/;

/** `nft list chains`: chains without their rules. */
export function chainHeads(listing: string): string {
  const withoutSets = listing.replaceAll(/^\t(?:set|map) [^]*?^\t\}\n/gm, '');
  const lines = withoutSets.split('\n').filter((line) => headLine.test(line));
  return lines.map((line) => `${line}\n`).join('');
}

/** `nft list chain FAMILY TABLE NAME`; undefined: there is none. */
export function chainIn(listing: string, family: string, table: string, name: string): string | undefined {
  const start = listing.indexOf(`table ${family} ${table} {\n`);
  const body = start < 0 ? '' : listing.slice(start, listing.indexOf('\n}', start) + 1);
  const at = body.indexOf(`\tchain ${name} {\n`);
  const end = body.indexOf('\n\t}', at);
  return at < 0 ? undefined : `table ${family} ${table} {\n${body.slice(at, end)}\n\t}\n}\n`;
}
