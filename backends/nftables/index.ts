export { nftables } from './maker.ts';
