/** Largest input taken, in bytes: ten times a cluster of 10,000 Services with all its slices. */
export const maxInputBytes = 256 * 1024 * 1024;

/** Finding lines takes a dozen times a text's size: for texts longer than this many characters only the file is named. */
export const maxPositioned = 16 * 1024 * 1024;

/** Kubernetes objects nest a dozen levels deep; deeper input is made to exhaust a stack. */
export const maxDepth = 100;
