/** Largest input taken, in bytes: ten times a cluster of 10,000 Services with all its slices. */
export const maxInputBytes = 256 * 1024 * 1024;

/** Nesting of a Kubernetes object is a dozen; deeper input is made to exhaust a stack. */
export const maxDepth = 100;
