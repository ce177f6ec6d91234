import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { commandBlocksIn } from './command-blocks.ts';

const root = new URL('../../', import.meta.url).pathname;

/** Pages whose commands are not held one by one, and why. */
const pagesApart = new Map([
  ['docs/controller.md', 'test/controller runs its flows, with kubectl and real packets'],
  ['docs/adding-a-backend.md', 'shows programs of a backend that one could write'],
]);

/** Pages whose blocks fenced as `sh` are typed into API server doubles with kubectl, by test/deploy/pages.test.ts. */
const typedPages = ['docs/move-from-kube-proxy.md', 'deploy/README.md'];

/** Says how commands are called, with words in capitals for what is to be put in: agent/cli.test.ts holds that to their help. */
const isSynopsis = (name: string, command: string) =>
  name === 'docs/commands.md' && /\[|…|(?<![\w-])[A-Z]{3,}(?![\w-])/.test(command);

/** Blocks that no test runs as they stand: page and first command → why. */
const notRun = new Map([
  [
    'docs/operations.md: make image',
    'takes minutes and packages of two architectures; test/image builds the image and runs it',
  ],
  ['README.md: make demo', 'installs what is missing; tools/demo/demo.test.ts runs its acts'],
  ['README.md: kubectl get', 'needs a cluster; test/controller types kubectl against API server doubles'],
  ['README.md: slicewright test', 'needs a person who presses keys'],
  ['docs/review-a-change.md: slicewright report', 'is a workflow of a CI service'],
  ['docs/why-does-a-service-fail.md: slicewright status', 'needs a running agent; test/agent asks one'],
  ['docs/print-rules.md: kubectl get', 'needs a cluster'],
  ['docs/operations.md: kubectl get', 'needs a cluster'],
  [
    'docs/operations.md: slicewright agent',
    'needs an API server; test/agent/beside.test.ts runs an agent beside another program',
  ],
  ['deploy/README.md: make image', 'as in docs/operations.md; test/image builds the image'],
  [
    'deploy/README.md: helm install',
    'needs helm; test/deploy/chart.test.ts renders the chart, and pages.test.ts installs it in another way',
  ],
  ['docs/commands.md: slicewright plan', 'needs the clusters of a hub; controller/commands holds plan multicluster'],
  [
    'docs/commands.md: kubectl get',
    'needs a cluster that serves eight Services; agent/commands/apply.test.ts has the refusal',
  ],
  ['docs/commands.md: slicewright apply', 'needs a running agent; test/agent/one-writer.test.ts has one'],
  ['docs/commands.md: ipvsadm --save', 'prints a node in IPVS mode; test/ipvs has such nodes'],
  [
    'docs/commands.md: slicewright agent',
    'sets sysctls of the whole machine; agent/node/prepare.test.ts, test/deploy/privilege.test.ts',
  ],
  ['docs/commands.md: slicewright top', 'needs traffic; test/packets/traffic.test.ts has some'],
  [
    'docs/commands.md: source <(slicewright',
    "changes a person's shell; agent/commands/completion.test.ts runs the shells",
  ],
  ['docs/security.md: slicewright plan', 'the digest is that of a plan which a person has reviewed'],
]);

const names = ['README.md', 'deploy/README.md', ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md') && !pagesApart.has(name),
);
const found = names.flatMap((name) => {
  const run = typedPages.includes(name) ? ['console', 'sh'] : ['console'];
  return commandBlocksIn(readFileSync(`${root}${name}`, 'utf8'), run)
    .filter(({ command }) => !isSynopsis(name, command))
    .map(({ command, line }) => ({ key: `${name}: ${command.split(' ').slice(0, 2).join(' ')}`, line }));
});

it('every command of a page is run (a block fenced as console), or stands here with the reason why it is not', () => {
  const lacking = found.filter(({ key }) => !notRun.has(key));
  expect(lacking.map(({ key, line }) => `${key} (line ${line})`)).toEqual([]);
});

it('no reason is left over', () => {
  const keys = new Set(found.map(({ key }) => key));
  expect([...notRun.keys()].filter((key) => !keys.has(key))).toEqual([]);
});

it('blocks of commands are told from others', () => {
  const page = [
    'text',
    '',
    '    slicewright plan -f x',
    '    more',
    '',
    '    not a command',
    '',
    '```console',
    '$ slicewright run',
    '```',
    '```sh',
    'FOO=1 x',
    '$ kubectl get x',
    '```',
    '- item',
    '',
    '      make test',
  ].join('\n');
  expect(commandBlocksIn(page)).toEqual([
    { command: 'slicewright plan -f x', line: 3 },
    { command: 'kubectl get x', line: 13 },
    { command: 'make test', line: 17 },
  ]);
});
