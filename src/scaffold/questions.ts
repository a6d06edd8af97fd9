/** How a person is asked. */
export interface Questions {
  /** @returns the answer, trimmed; never empty unless the question is optional */
  text(question: Question): Promise<string>;
  confirm(message: string): Promise<boolean>;
}

export interface Question {
  readonly message: string;
  /** Shown where the answer will stand. */
  readonly example: string;
  readonly optional?: boolean;
  /** What is wrong with an answer; undefined when nothing is. */
  readonly check?: (text: string) => string | undefined;
}
