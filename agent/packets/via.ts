/** Which of a Service's frontends the packet goes to; the first one unless one is named. */
export const vias = ['cluster-ip', 'external', 'load-balancer', 'node-port', 'all'] as const;
export type Via = (typeof vias)[number];
