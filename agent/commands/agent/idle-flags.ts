import { Option } from 'commander';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';

/** A flag of kube-proxy, or of its log library, that appears in some DaemonSets and has no effect here. */
interface IdleFlag {
  readonly flag: string;
  readonly form: 'switch' | 'value';
}

const noKlog = 'messages go to standard error as one JSON object per line; -v sets how many';

/** kube-proxy v1.30's flags that have no key in its configuration, and those of earlier versions. */
const idleFlags: readonly (IdleFlag & { readonly why: string })[] = [
  ...[
    'logtostderr',
    'alsologtostderr',
    'add-dir-header',
    'one-output',
    'skip-headers',
    'skip-log-headers',
    'legacy-stderr-threshold-behavior',
  ].map((flag) => ({ flag, form: 'switch', why: noKlog }) as const),
  ...['log-dir', 'log-file', 'log-file-max-size', 'stderrthreshold', 'log-backtrace-at'].map(
    (flag) => ({ flag, form: 'value', why: noKlog }) as const,
  ),
  { flag: 'cleanup-ipvs', form: 'switch', why: "--cleanup removes only slicewright's rules, in every mode" },
  { flag: 'windows-service', form: 'switch', why: 'slicewright runs on Linux only' },
];

export function idleOptions(): Option[] {
  return idleFlags.map(({ flag, form, why }) =>
    new Option(`--${flag} ${form === 'switch' ? '[true|false]' : '<value>'}`, `no effect: ${why}`).hideHelp(),
  );
}

/** One warning for each such flag that was given. given: by commander's names */
export function idleWarnings(given: Readonly<Record<string, unknown>>): Diagnostic[] {
  return idleFlags
    .filter(({ flag }) => given[new Option(`--${flag}`).attributeName()] !== undefined)
    .map(({ flag, why }) => flagWarning(flag, `has no effect: ${why}`));
}

export function flagWarning(flag: string, message: string): Diagnostic {
  const object = { kind: 'flag', name: `--${flag}` };
  return { severity: 'warning', code: 'flag-without-effect', object, message };
}
