/** What a process ends with that was called wrongly, whatever the command. */
export const usageStatus = 2;
