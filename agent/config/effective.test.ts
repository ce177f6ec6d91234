import { describe, expect, it } from 'vitest';
import { parseConfiguration } from './config.ts';
import { effectiveDocument } from './effective.ts';
import { keys } from './keys.ts';

const type = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' };
const parse = (document: unknown) =>
  parseConfiguration(document, 'kp.yaml', { compat: 'none', backend: undefined, forAgent: true });

describe('the effective configuration', () => {
  it.each([
    ['nothing', {}],
    ['nulls and empty texts', { oomScoreAdj: null, mode: '', conntrack: { min: null }, healthzBindAddress: '' }],
    [
      'choices, zeros among them',
      {
        mode: 'ipvs',
        conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s' },
        iptables: { masqueradeBit: 0, localhostNodePorts: false },
        ipvs: { scheduler: 'lc' },
        oomScoreAdj: -5,
      },
    ],
  ])('means what it was made from: %s', (_, body) => {
    const document = { ...type, ...body };
    const effective = parse(effectiveDocument(document));
    const { diagnostics, ...meaning } = parse(document);
    expect(effective).toEqual({ ...meaning, diagnostics: expect.anything() });
    // Defaults of the other mode are notes; no default becomes a warning.
    const warnings = (all: typeof diagnostics) => all.filter(({ severity }) => severity !== 'info');
    expect(warnings(effective.diagnostics)).toEqual(warnings(diagnostics));
  });

  it('has every key', () => {
    const effective = effectiveDocument(type);
    const missing = keys.filter(({ path }) => {
      const value = path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)?.[name], effective);
      return value === undefined && !path.endsWith('.*');
    });
    expect(missing).toEqual([]);
    expect(effective).toMatchObject({
      conntrack: { maxPerCore: 32_768, tcpEstablishedTimeout: '24h0m0s', udpTimeout: '0s' },
      ipvs: { scheduler: '', strictARP: false, excludeCIDRs: null },
      nodePortAddresses: null,
      oomScoreAdj: null,
    });
  });
});
