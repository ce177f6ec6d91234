/** The parts of the Kubernetes client that slicewright uses, named so that a build can leave out the rest (`tools/build.ts`). */
export { KubeConfig } from '@kubernetes/client-node';
