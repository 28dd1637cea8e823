/**
 * The binary frames of `pong.v2.bin`, docs/protocol.md §2b and §2c: bytes <-> plain values, and the checksum of a state.
 * Pure. Frames come from a network: each length and each value is checked, and a bad frame is a returned null, never an exception.
 */

import { FINISHED, PADDLE_Y_MAX } from './pong-simulation.js';

export const SUBPROTOCOL = 'pong.v2.bin';

const MASK_BALL = 0x01;
const MASK_TARGET_1 = 0x02;
const MASK_TARGET_2 = 0x04;
const MASK_PADDLE_1 = 0x08;
const MASK_PADDLE_2 = 0x10;
const MASK_SCORE = 0x20;
const MASK_PHASE = 0x40;
const MASK_KEYFRAME = 0x80;
const MASK_ALL = 0xff;
const MASK_KEYFRAMES_ONLY = MASK_PADDLE_1 | MASK_PADDLE_2 | MASK_SCORE | MASK_KEYFRAME;

const HEADER_BYTES = 3;
const INPUT_BYTES = 5;
const INPUT_TARGET = 0x01;
const FIELD_BYTES = [
  [MASK_BALL, 8],
  [MASK_TARGET_1, 2],
  [MASK_TARGET_2, 2],
  [MASK_PADDLE_1, 2],
  [MASK_PADDLE_2, 2],
  [MASK_SCORE, 2],
  [MASK_PHASE, 3],
];

/** Where FNV-1a 32 begins, http://www.isthe.com/chongo/tech/comp/fnv/ */
export const HASH_START = 2166136261;
const HASH_PRIME = 16777619;

/**
 * @typedef {object} Frame
 * @property {'heartbeat' | 'keyframe' | 'update'} kind
 * @property {number} step its low 16 bits
 * @property {number} mask
 * @property {number} [checksum] of a heartbeat
 * @property {{x: number, y: number, vx: number, vy: number}} [ball]
 * @property {(number | undefined)[]} [target] by seat - 1
 * @property {(number | undefined)[]} [paddle] by seat - 1
 * @property {[number, number]} [score]
 * @property {{phase: number, stepsLeft: number}} [phase]
 */

function lengthOf(mask) {
  if (mask === 0) return HEADER_BYTES + 2;
  return FIELD_BYTES.reduce((length, [bit, bytes]) => length + (mask & bit ? bytes : 0), HEADER_BYTES);
}

/**
 * @param {ArrayBuffer | Uint8Array} data one message of the server
 * @returns {Frame | null} null when it is no frame
 */
export function decodeFrame(data) {
  const view = viewOf(data);
  if (!view || view.byteLength < HEADER_BYTES) return null;
  const mask = view.getUint8(0);
  if (mask !== MASK_ALL && mask & MASK_KEYFRAMES_ONLY) return null;
  if (view.byteLength !== lengthOf(mask)) return null;
  const step = view.getUint16(1, true);
  if (mask === 0) return { kind: 'heartbeat', step, mask, checksum: view.getUint16(3, true) };
  const frame = readFields(view, { kind: mask === MASK_ALL ? 'keyframe' : 'update', step, mask, target: [], paddle: [] });
  return isPossible(frame) ? frame : null;
}

function viewOf(data) {
  if (data instanceof ArrayBuffer) return new DataView(data);
  if (ArrayBuffer.isView(data)) return new DataView(data.buffer, data.byteOffset, data.byteLength);
  return null;
}

function readFields(view, frame) {
  let at = HEADER_BYTES;
  const u8 = () => view.getUint8(at++);
  const u16 = () => view.getUint16((at += 2) - 2, true);
  const i16 = () => view.getInt16((at += 2) - 2, true);
  if (frame.mask & MASK_BALL) frame.ball = { x: u16(), y: u16(), vx: i16(), vy: i16() };
  if (frame.mask & MASK_TARGET_1) frame.target[0] = u16();
  if (frame.mask & MASK_TARGET_2) frame.target[1] = u16();
  if (frame.mask & MASK_PADDLE_1) frame.paddle[0] = u16();
  if (frame.mask & MASK_PADDLE_2) frame.paddle[1] = u16();
  if (frame.mask & MASK_SCORE) frame.score = [u8(), u8()];
  if (frame.mask & MASK_PHASE) frame.phase = { phase: u8(), stepsLeft: u16() };
  return frame;
}

function isPossible(frame) {
  const heights = [...frame.target, ...frame.paddle];
  return heights.every((y) => y === undefined || y <= PADDLE_Y_MAX) && (!frame.phase || frame.phase.phase <= FINISHED);
}

/**
 * @param {number} step the step before which the paddle turns to its target
 * @param {number} target 1/64 px, its top edge
 * @returns {Uint8Array}
 */
export function encodeInput(step, target) {
  const bytes = new Uint8Array(INPUT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, INPUT_TARGET);
  view.setUint16(1, step & 0xffff, true);
  view.setUint16(3, target, true);
  return bytes;
}

/**
 * @param {number} low a step's low 16 bits
 * @param {number} near a whole step less than 32768 away from it
 * @returns {number} the whole step
 */
export function unwrapStep(low, near) {
  return near + (((low - near) << 16) >> 16);
}

function hashU8(hash, value) {
  return Math.imul(hash ^ (value & 0xff), HASH_PRIME);
}

function hashU16(hash, value) {
  return hashU8(hashU8(hash, value), value >> 8);
}

/**
 * FNV-1a 32 over the bytes that a keyframe of this state has after its step field.
 * @param {import('./pong-simulation.js').Pong} pong
 * @param {number} [hash] to go on from
 * @returns {number} unsigned
 */
export function checksumState(pong, hash = HASH_START) {
  let h = hashU16(hashU16(hash, pong.ballX), pong.ballY);
  h = hashU16(hashU16(h, pong.ballVx), pong.ballVy);
  h = hashU16(hashU16(h, pong.targetY[0]), pong.targetY[1]);
  h = hashU16(hashU16(h, pong.paddleY[0]), pong.paddleY[1]);
  h = hashU8(hashU8(h, pong.score[0]), pong.score[1]);
  h = hashU16(hashU8(h, pong.phase), pong.stepsLeft);
  return h >>> 0;
}

/**
 * @param {import('./pong-simulation.js').Pong} pong
 * @returns {number} the 16 bits that a heartbeat carries
 */
export function foldedChecksum(pong) {
  const hash = checksumState(pong);
  return ((hash >>> 16) ^ hash) & 0xffff;
}
