/** Client library of a Pong service: rooms over REST, one room's game over a WebSocket. ES module, no dependencies. */

export type PlayerNumber = 1 | 2;
export type Phase = 'waiting' | 'serving' | 'rally' | 'paused' | 'finished';
export type MatchEnd = 'score' | 'forfeit' | 'abandoned';

/** The game state as every front end of the service knows it. Positions in px, speeds in px per step of 1/60 s. */
export interface GameState {
  room_code: string;
  status: 'WAITING' | 'ONGOING' | 'FINISHED';
  player_1_id: string | null;
  player_2_id: string | null;
  player_1_username: string | null;
  player_2_username: string | null;
  player_1_score: number;
  player_2_score: number;
  player_1_paddle_y: number;
  player_2_paddle_y: number;
  paddle_height: number;
  paddle_width: number;
  ball_x: number;
  ball_y: number;
  ball_size: number;
  ball_speed_x: number;
  ball_speed_y: number;
  is_paused: boolean;
  last_loser: PlayerNumber | null;
  winning_score: number;
  /** Unix milliseconds. */
  timestamp: number;
}

/** What create, join and quick answer. */
export interface Seat {
  success: true;
  room_code: string;
  player_number: PlayerNumber;
  player_id: string;
  username: string;
  seat_token: string;
  game_state: GameState;
  /** The caller had this seat already. */
  reconnecting?: boolean;
}

export interface CreateOptions {
  username?: string;
  visibility?: 'private' | 'public';
  opponent?: 'bot';
  level?: 'easy' | 'normal' | 'hard';
  /** 1 to 21. */
  winning_score?: number;
}

export interface RoomStatus {
  success: true;
  room_code: string;
  status: GameState['status'];
  player_count: number;
  active_sessions: number;
  spectators: number;
  player_1_id: string | null;
  player_2_id: string | null;
  is_paused: boolean;
  /** Unix seconds. */
  created_at: number;
}

/** A public room, as `list` tells of it. */
export interface PublicRoom {
  room_code: string;
  status: GameState['status'];
  usernames: [string | null, string | null];
  scores: [number, number];
  spectators: number;
}

/** A failed request. `message` is a sentence that can be shown. */
export class RoomError extends Error {
  constructor(status: number, code: string, message: string);
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The answer's snake_case code, `network` or `bad_answer`. */
  readonly code: string;
}

/** Client of /api/room/. Each method rejects with a RoomError. */
export class RoomApi {
  constructor(options?: { base?: string; fetch?: typeof fetch; timeoutMs?: number });
  /** Opens a room and takes its first seat. */
  create(options?: CreateOptions): Promise<Seat>;
  /** Takes a seat, or comes back to the one that the caller has. */
  join(code: string, options?: { username?: string }): Promise<Seat>;
  /** Takes a seat in a public waiting room, or opens one. */
  quick(options?: { username?: string }): Promise<Seat>;
  check(code: string): Promise<RoomStatus>;
  /** Public rooms that wait or play. */
  list(): Promise<{ success: true; rooms: PublicRoom[] }>;
  /** Closes a room that has not started; for its creator only. */
  cancel(code: string): Promise<{ success: true; message: string }>;
}

/** Reads a room code as people write it, or a whole link; null when it is none. */
export function parseRoomCode(text: string): string | null;

/** The wait before reconnection attempt n (0 is the first): 100 to 5000 ms with jitter. */
export function backoffMs(attempt: number, random?: () => number): number;

/**
 * Why a client ended, by close code. `refused`: the room is there, but for 45 s every attempt was refused; for who watches and has
 * never been let in, 10 s.
 */
export const END_REASONS: Readonly<Record<string, EndReason>>;
export type EndReason =
  | 'done'
  | 'policy'
  | 'bad_token'
  | 'replaced'
  | 'bad_messages'
  | 'room_closed'
  | 'kicked'
  | 'room_gone'
  | 'refused';

/** A worse network, simulated. Order is kept; a lost message is sent again, as TCP does, and those behind it wait. */
export interface Network {
  /** Round trip, ms. */
  lag?: number;
  /** Each way takes up to so much longer, ms. */
  jitter?: number;
  /** Of messages that are sent again, percent. */
  loss?: number;
}

/** What is to be seen at a moment, in px of an 800 × 600 court, origin top left. */
export interface Picture {
  /** Centre of the ball; outside the court after a miss. */
  ballX: number;
  ballY: number;
  /** Top edges of the paddles, each 12 × 120 px at its side of the court. */
  paddle1: number;
  paddle2: number;
  phase: Phase;
  /** Steps of 1/60 s left of the phase; null while only people can end it. */
  stepsLeft: number | null;
  /** As the server has announced it. */
  score: [number, number];
  /** Whether the ball has a velocity; it keeps it through a pause. */
  ballMoves: boolean;
  /** The drawn time, in steps. */
  step: number;
}

export interface ConnectionDetail {
  state: 'connecting' | 'open' | 'waiting' | 'ended';
  /** Round trip and how far it is off on average, ms; 0 as long as it is not known. */
  rtt: number;
  jitter: number;
  /** After a reconnect: whether this client has again what it had. null at first, and until that is known. */
  recovered: boolean | null;
}

export interface Message {
  type: string;
  [field: string]: unknown;
}

export interface PongClientEvents {
  /** Something in the game state has changed that is not a position. */
  state: CustomEvent<{ state: GameState; previous: GameState | null }>;
  goal: CustomEvent<{ scorer: PlayerNumber; score: [number, number]; message: Message }>;
  gameover: CustomEvent<{ winner: PlayerNumber | null; reason: MatchEnd; score: [number, number]; message: Message }>;
  connection: CustomEvent<ConnectionDetail>;
  /** Every other message of the server: player_joined, game_paused, error, … */
  message: CustomEvent<Message>;
  link: CustomEvent<{ link: 'connecting' | 'open' | 'waiting' }>;
  /** It will not come back. */
  end: CustomEvent<{ reason: EndReason; code: number }>;
}

export interface Statistics {
  /** ms */
  rtt: number;
  jitter: number;
  /** How late news of the opponent comes, in steps of 1/60 s. */
  lateness: number;
  /** How many inputs came too late. */
  lateInputs: number;
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** How far from the truth each is drawn just now, px. */
  corrections: { ball: number; paddle1: number; paddle2: number };
}

export interface PongClientOptions {
  code: string;
  /** Whose seat; without it the client watches. */
  playerId?: string;
  /** Which seat, when that is known already. */
  playerNumber?: PlayerNumber | null;
  username?: string;
  /**
   * The seat's: `seat_token` of what create, join and quick answer. Sent as a header, never in an address, where the WebSocket
   * takes headers, as that of `ws` does; in a browser the seat's cookie does it.
   */
  token?: string | null;
  api?: RoomApi;
  /** Of the WebSocket; by default /ws/game/CODE/ beside the page. */
  url?: string;
  /** Where there is none built in, as in Node.js before 22. */
  WebSocket?: unknown;
  /** With v1 there are no pictures and no inputs, only states and `send`. Default: pong.v2.bin. */
  protocol?: 'pong.v2.bin' | 'pong.v1.json';
  /** To be simulated; none by default. */
  network?: Network | null;
}

/** One room, one seat or a place to watch. Comes back by itself when the connection is lost. */
export class PongClient extends EventTarget {
  constructor(options: PongClientOptions);
  /** The newest game state; a new object whenever something in it has changed that is not a position. */
  readonly state: GameState | null;
  readonly playerNumber: PlayerNumber | null;
  readonly statistics: Statistics;
  /** Opens the connection; once is enough. */
  connect(): void;
  /** Leaves for good: no event comes after this. */
  dispose(): void;
  /** Sends a message of the protocol; false when there is no connection, and then it is not kept. */
  send(message: object): boolean;
  /** The paddle goes there until it is released, or pointed elsewhere. */
  press(direction: 'up' | 'down' | -1 | 1): void;
  release(): void;
  /** Where the paddle's middle is wanted: px of the court, 0 to 600. */
  pointTo(y: number): void;
  serve(): boolean;
  pause(): boolean;
  resume(): boolean;
  rematch(): boolean;
  /** What is to be seen at a moment of performance.now(); null before the game is known. */
  picture(now?: number): Picture | null;
  addEventListener<K extends keyof PongClientEvents>(
    type: K,
    listener: (event: PongClientEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof PongClientEvents>(
    type: K,
    listener: (event: PongClientEvents[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}
