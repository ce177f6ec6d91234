import { Option } from 'commander';

/** `-l`, as kubectl has it; the text is parsed where the labels are known. */
export function selectorOption(): Option {
  return new Option(
    '-l, --selector <selector>',
    "only Services that this label selector matches: 'app=cart,tier in (a,b)'",
  );
}
