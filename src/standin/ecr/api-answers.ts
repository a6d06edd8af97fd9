import type { Answer } from './moto.ts';

/** What an API refuses with: the name that SDKs give to the error, and AWS's words. */
export class ApiError {
  readonly code: string;
  readonly message: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    this.code = code;
    this.message = message;
    this.status = status;
  }
}

export const jsonAnswer = (body: object, status = 200): Answer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1' },
  body: Buffer.from(JSON.stringify(body)),
});

export const jsonError = ({ code, message, status }: ApiError): Answer =>
  jsonAnswer({ __type: code, message }, status);

export const xmlAnswer = (body: string, status = 200): Answer => ({
  status,
  headers: { 'content-type': 'text/xml' },
  body: Buffer.from(body),
});

export const xmlError = ({ code, message, status }: ApiError): Answer =>
  xmlAnswer(
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
    status,
  );
