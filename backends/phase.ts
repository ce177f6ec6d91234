/**
 * Steps of a plan are grouped in this order, and every prefix of a plan is safe: a packet gets
 * its old verdict or its new one, never a third.
 */
export type Phase = 'prepare' | 'switch' | 'drain' | 'remove';
