/* The command line with the toy in its list of backends: what a process can show of it. */
import { register } from '../../backends/index.ts';
import { toyEntry } from './index.ts';
import { createToyKernel } from './kernel.ts';

register(toyEntry(createToyKernel()));
const { main } = await import('../../agent/cli.ts');
await main();
