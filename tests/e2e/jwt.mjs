// JSON Web Tokens as a site's own login would make them, and as an attacker would. Tests only.

import { createHmac } from 'node:crypto';

const HASHES = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Unix seconds, from now. */
export const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;

/** A token with these claims; alg "none" has an empty signature. */
export function makeJwt(claims, key, alg = 'HS256') {
  const signed = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`;
  const signature = alg === 'none' ? '' : createHmac(HASHES[alg], key).update(signed).digest('base64url');
  return `${signed}.${signature}`;
}
