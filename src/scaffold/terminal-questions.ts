import { confirm, isCancel, text } from '@clack/prompts';
import { refused } from '../report/failure.ts';
import type { Questions } from './questions.ts';

/** Questions on the terminal. Ctrl-C is a `Failure` (exit 1), and nothing is written. */
export const terminalQuestions: Questions = {
  text: async ({ message, example, optional, check }) => {
    const answer = await text({
      message,
      placeholder: example,
      validate: (value) => {
        const given = value?.trim() ?? '';
        return given === '' && optional !== true
          ? `An answer is needed, like ${example}`
          : given === ''
            ? undefined
            : check?.(given);
      },
    });
    return isCancel(answer) ? stop() : (answer ?? '').trim();
  },
  confirm: async (message) => {
    const answer = await confirm({ message });
    return isCancel(answer) ? stop() : answer;
  },
};

function stop(): never {
  throw refused('Stopped; nothing was written.', { reason: 'stopped' });
}
