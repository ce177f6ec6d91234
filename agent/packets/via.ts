/** Which of a Service's frontends is dialled; the first that there is unless one is named. */
export const vias = ['cluster-ip', 'external', 'load-balancer', 'node-port', 'all'] as const;
export type Via = (typeof vias)[number];
