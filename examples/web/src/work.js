/** Handles messages one after the other until `signal`; the one in hand is finished. */
export async function work({ queue, handle, log, signal }) {
  while (!signal.aborted) {
    const message = await queue.receive(signal);
    if (message === undefined) {
      return;
    }
    try {
      await handle(message.body);
      await queue.delete(message);
      log.info('handled', { id: message.body.id });
    } catch (error) {
      log.error('not handled, comes again', { id: message.body?.id, error: String(error) });
      await queue.giveBack(message);
    }
  }
}
