/** The exit status of a process that was called wrongly, whatever the command. */
export const usageStatus = 2;
