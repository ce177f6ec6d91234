import { linesOf } from './restore.ts';
import { isAddress, isNetwork, isPort, isSocket } from './words.ts';

/*
 * Files for ipvsadm, ipset, ip and sysctl: each permitted line is described here.
 */

type LineJudge = (words: readonly string[]) => boolean;

const isService: LineJudge = ([option, socket = '']) =>
  ['-t', '-u', '--sctp-service'].includes(option ?? '') && isSocket(socket);

const isNumber = (word: string | undefined): boolean => /^\d{1,6}$/.test(word ?? '');

const isServerLine: LineJudge = ([command, option = '', socket = '', ...rest]) => {
  if (!isService([option, socket])) return false;
  switch (command) {
    case '-A':
    case '-E': {
      const [s, scheduler = '', p, seconds, mask, bits] = rest;
      if (s !== '-s' || !/^[a-z]{2,6}$/.test(scheduler) || rest.length > 6) return false;
      return (
        (p === undefined || (p === '-p' && isNumber(seconds))) &&
        (mask === undefined || (mask === '-M' && (isAddress(bits ?? '') || isNumber(bits))))
      );
    }
    case '-a':
    case '-e': {
      const [r, server = '', m, w, weight, ...more] = rest;
      return r === '-r' && isSocket(server) && m === '-m' && w === '-w' && isNumber(weight) && more.length === 0;
    }
    case '-D':
      return rest.length === 0;
    case '-d':
      return rest.length === 2 && rest[0] === '-r' && isSocket(rest[1] ?? '');
    default:
      return false;
  }
};

const setName = /^(KUBE|SLICEWRIGHT)(-6)?(-[A-Z]+)+$/;

function isEntry(entry: string): boolean {
  return entry.split(',').every((part) => {
    const [protocol = '', port = '', ...more] = part.split(':');
    if (/^(tcp|udp|sctp)$/.test(protocol)) return isPort(port) && more.length === 0;
    return isAddress(part) || isNetwork(part) || isPort(part);
  });
}

const isSetLine: LineJudge = ([command, name = '', ...rest]) => {
  if (!setName.test(name)) return false;
  const [first = '', ...more] = rest;
  switch (command) {
    case 'create':
      return /^(hash:(ip|net|port)(,(ip|net|port))*|bitmap:port)$/.test(first) && more.every(isSetOption);
    case 'add':
      return isEntry(first) && (more.length === 0 || (more.length === 2 && more[0] === 'timeout' && isNumber(more[1])));
    case 'del':
      return isEntry(first) && more.length === 0;
    case 'swap':
      return setName.test(first) && more.length === 0;
    case 'flush':
    case 'destroy':
      return rest.length === 0;
    default:
      return false;
  }
};

const setWords = new Set(['family', 'inet', 'inet6', 'maxelem', 'timeout', 'range', '0-65535']);
const isSetOption = (word: string): boolean => setWords.has(word) || /^\d{1,9}$/.test(word);

const isLinkLine: LineJudge = (words) => {
  const line = words.join(' ');
  if (/^link (add|del) kube-ipvs0( type dummy)?$/.test(line)) return true;
  const [noun, verb = '', network = '', dev, link, ...more] = words;
  const isBind = noun === 'address' && /^(add|delete)$/.test(verb);
  return isBind && isNetwork(network) && dev === 'dev' && link === 'kube-ipvs0' && more.length === 0;
};

const isSysctlLine: LineJudge = ([setting = '', ...more]) =>
  /^net\.(ipv4|ipv6|bridge|netfilter)(\.[a-z0-9_]+)+=\d$/.test(setting) && more.length === 0;

function judging(isGood: LineJudge): (text: string) => string[] {
  // None of these tools knows quotes in this place: a word ends at a space.
  return (text) => linesOf(text).flatMap((line) => (isGood(line.split(' ')) ? [] : [`no line for this tool: ${line}`]));
}

export const judgeIpvsadm = judging(isServerLine);
export const judgeIpset = judging(isSetLine);
export const judgeIp = judging(isLinkLine);
export const judgeSysctl = judging(isSysctlLine);
