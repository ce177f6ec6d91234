/** Largest input taken, in bytes: ten times a cluster of 10,000 Services with all its slices. */
export const maxInputBytes = 256 * 1024 * 1024;

/** Finding lines takes a dozen times a text's size: of what is longer than so many characters the file is all that is named. */
export const maxPositioned = 16 * 1024 * 1024;

/** Nesting of a Kubernetes object is a dozen; deeper input is made to exhaust a stack. */
export const maxDepth = 100;
