/* A process that takes the lock of the given folder, and holds it until it is killed. */
import { kubePrefix } from '../../compiler/settings.ts';
import { systemClock } from '../loop/clock.ts';
import { tryLock } from './node-lock.ts';

const [, , dir = ''] = process.argv;
const { kind } = await tryLock({ dir, prefix: kubePrefix, role: 'agent' }, systemClock);
process.stdout.write(`${kind}\n`);
setInterval(() => {}, 1_000);
