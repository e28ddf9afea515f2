import type { IncomingMessage } from 'node:http';
import { AppError } from '@governsai/contracts';
import express, { type Request, type Response } from 'express';

/** Reads the JSON body of a request of at most `maxBytes`; undefined when there is none. */
export function createBodyReader(maxBytes: number): (req: Request, res: Response) => Promise<unknown> {
  const parse = express.json({ limit: maxBytes, strict: false, type: isJson });
  return async (req, res) => {
    if (Number(req.headers['content-length'] ?? 0) > maxBytes) {
      // Known too large before a byte of it is read: the rest is not waited for.
      res.setHeader('connection', 'close');
      throw new AppError('PAYLOAD_TOO_LARGE', `The body is over ${maxBytes} bytes; send less at once.`);
    }
    const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
    if (hasBody && !isJson(req)) {
      throw new AppError('VALIDATION_FAILED', 'The body must be JSON; send content-type: application/json.');
    }
    await new Promise<void>((resolve, reject) => {
      parse(req, res, (error?: unknown) => (error ? reject(error) : resolve()));
    });
    return req.body;
  };
}

function isJson(req: IncomingMessage): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(req.headers['content-type'] ?? '');
}
