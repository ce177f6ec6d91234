/** Formats of documents for programs. */
export type DocumentFormat = 'json' | 'yaml';

/** In every document for programs. Adding a member keeps it; removing one, or changing its meaning, changes it. */
export const documentVersion = 'slicewright.dev/v1alpha1';

/**
 * A document for programs: `apiVersion` and `kind` first, as Kubernetes' objects have them, then its content.
 *
 * kind     `Verification`, `TrafficGraph`; docs/commands.md has the shape of each
 * content  plain values, as `JSON.stringify` takes them
 */
export async function documentText(kind: string, content: object, format: DocumentFormat): Promise<string> {
  const json = JSON.stringify({ apiVersion: documentVersion, kind, ...content }, undefined, 2);
  if (format === 'json') return `${json}\n`;
  const { dump } = await import('js-yaml');
  // Converted through JSON, so that both formats leave out and convert the same.
  return dump(JSON.parse(json), { lineWidth: -1, noRefs: true });
}
