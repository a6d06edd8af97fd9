/**
 * A signal that is given when this process is asked to end, so that what must be put back is put back first. The runner
 * sends SIGINT when a run is cancelled, and SIGTERM 7.5 seconds later (docs: "Workflow cancellation reference"); a terminal
 * sends SIGINT for Ctrl-C.
 */
export function endedFromOutside(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => controller.abort());
  }
  return controller.signal;
}
