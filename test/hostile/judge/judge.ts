import { judgeIp, judgeIpset, judgeIpvsadm, judgeSysctl } from './ipvs.ts';
import { judgeNft } from './nft.ts';
import { judgeRestore } from './restore.ts';
import { isAddress, isPlainText, isPort } from './words.ts';

/** A tool's standard input; for conntrack, the flows that its arguments name, as JSON. */
export interface Script {
  readonly tool: 'iptables-restore' | 'ipvsadm' | 'ipset' | 'ip' | 'sysctl' | 'nft' | 'conntrack';
  readonly text: string;
}

const judges: Readonly<Record<Script['tool'], (text: string) => string[]>> = {
  'iptables-restore': judgeRestore,
  ipvsadm: judgeIpvsadm,
  ipset: judgeIpset,
  ip: judgeIp,
  sysctl: judgeSysctl,
  nft: judgeNft,
  conntrack: judgeFlows,
};

function judgeFlows(text: string): string[] {
  const values = (value: unknown): unknown[] =>
    typeof value === 'object' && value !== null ? Object.values(value).flatMap(values) : [value];
  const wrong = values(JSON.parse(text)).filter((value) => !isPort(String(value)) && !isAddress(String(value)));
  return wrong.map((value) => `no address or port of a flow: ${JSON.stringify(value)}`);
}

/** The parts of a script that slicewright must never write, a sentence for each; empty: the script is good. */
export function judge({ tool, text }: Script): string[] {
  const plain = isPlainText(text) ? [] : [`characters that are no letters: ${JSON.stringify(text)}`];
  return [...plain, ...judges[tool](text)];
}
