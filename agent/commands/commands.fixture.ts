import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../planning/plan-digest.ts';

/** A folder for one test's files. */
export interface Scratch {
  readonly root: string;
  put(name: string, text: string): string;
  remove(): void;
}

export function createScratch(): Scratch {
  const root = mkdtempSync(join(tmpdir(), 'slicewright-test-'));
  return {
    root,
    put(name, text) {
      const path = join(root, name);
      writeFileSync(path, text);
      return path;
    },
    remove() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Service shop/cart at 10.96.0.10:80 with these endpoints of its only slice. */
export function cartOf(...addresses: string[]): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10], ports: [{name: http, port: 80, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-x7k2, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
endpoints: [${addresses.map((address) => `{addresses: [${address}], nodeName: east-1}`).join(', ')}]
ports: [{name: http, port: 8080, protocol: TCP}]
`;
}

/** Node east-1 with these addresses. */
export function nodeOf(...addresses: string[]): string {
  return `
apiVersion: v1
kind: Node
metadata: {name: east-1}
status: {addresses: [${addresses.map((address) => `{type: InternalIP, address: "${address}"}`).join(', ')}]}
`;
}

/** Changes a saved plan as somebody would who knows how its digest is made. */
export function forge(path: string, change: (text: string) => string): void {
  const { digest: _before, ...plan } = JSON.parse(change(readFileSync(path, 'utf8')));
  const { apiVersion: _version, kind: _kind, ...content } = plan;
  writeFileSync(path, JSON.stringify({ ...plan, digest: digestOf(content) }));
}
