/** Writes one JSON object a line to stdout, as log collectors read it. */
export function createLog(write = (line) => process.stdout.write(line)) {
  const at = (level) => (message, fields) =>
    write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
  return { info: at('info'), error: at('error') };
}
