import { hash } from 'node:crypto';
import { canonicalJson } from '../values/canonical-json.ts';
import type { ContentHash, ServicePortIR } from './ir.ts';

/** Equal exactly for IRs with the same meaning: every field counts except the objects that the IR came from. */
export function contentHash(ir: Omit<ServicePortIR, 'hash'>): ContentHash {
  return hash('sha256', canonicalJson({ ...ir, origin: undefined })) as ContentHash;
}
