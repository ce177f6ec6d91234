/** What slicewright uses of the Kubernetes client, named so that a build can leave out the rest (`tools/build.ts`). */
export { KubeConfig } from '@kubernetes/client-node';
