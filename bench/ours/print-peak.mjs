// Loaded into a process with --import: prints its peak resident size when it ends.
process.on("exit", () => {
  process.stdout.write(`${JSON.stringify({ peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
});
