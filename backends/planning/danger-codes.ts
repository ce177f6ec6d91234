/** Codes of dangers to clients, which every backend's plans can have. docs/commands.md explains them. */
export const trafficDangerCodes = [
  'last-endpoint',
  'many-endpoints-leave',
  'opens-to-everyone',
  'closes-to-clients',
  'source-address-changes',
] as const;

export type TrafficDangerCode = (typeof trafficDangerCodes)[number];
