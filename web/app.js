/**
 * The page: which screen is shown, and the way from one to the next. The address says where we are: `/` is home,
 * `/?room=CODE` is a room, so that links, reload and the back button do what they should.
 */

import { announce, byId, setShown, setText, showScreen } from './dom.js';
import { GameView } from './game-view.js';
import { LobbyView } from './lobby-view.js';
import * as memory from './memory.js';
import { RoomApi, RoomError, parseRoomCode } from './rest.js';
import { Room } from './room.js';

/** A room that is not there after so long is worth a word. */
const SLOW_MS = 600;

const api = new RoomApi();
const views = {
  game: new GameView({
    serve: () => room?.serve(),
    pause: () => room?.pause(),
    rematch: () => room?.rematch(),
    leave: () => leave(),
  }),
  lobby: new LobbyView(() => cancel()),
};

/** @type {Room | null} */
let room = null;
/** Counts the ways taken, so that an answer that comes too late finds out. */
let way = 0;
let slow = 0;

const ENDINGS = {
  room_gone: ['This room is gone', 'It has closed, or the code is not quite right.'],
  room_closed: ['This room has closed', 'Open another one, it takes a second.'],
  match_lost: ['The server restarted', 'This match is lost.'],
  match_over: ['This match is over', 'It ended while you were away.'],
  replaced: ['You are playing in another tab', 'Your seat in this room is in use there.'],
  kicked: ['You were removed from this room', 'The operator of this server closed your connection.'],
  bad_token: ['Your seat could not be found', 'It may have been taken again in another tab.'],
  other: ['The connection was closed', 'The server did not say more than that.'],
};

/** Shows what the address says. */
async function route() {
  const mine = ++way;
  clearTimeout(slow);
  closeRoom();
  const asked = new URLSearchParams(location.search).get('room');
  if (asked === null) return showHome();
  const code = parseRoomCode(asked);
  if (!code) return showEnding('room_gone');
  slow = setTimeout(() => room?.match.game || showNotice('One moment', 'Looking for the room …'), SLOW_MS);
  const seat = memory.recallSeat();
  if (seat?.code === code) return openRoom(seat, true);
  try {
    const answer = await api.join(code, named());
    if (mine === way) openRoom(remember(answer), answer.reconnecting === true);
  } catch (error) {
    if (mine === way) showJoinFailure(code, error);
  }
}

function go(address) {
  history.pushState(null, '', address);
  route();
}

function showHome() {
  document.title = 'Pong';
  const seat = memory.recallSeat();
  const back = byId('return');
  setShown(back, seat !== null);
  if (seat) {
    back.href = `/?room=${seat.code}`;
    setText(back, `Back to your match in room ${seat.code}`);
  }
  clearHomeMessage();
  showScreen('home');
}

function openRoom(seat, returning = false) {
  document.title = `Pong · ${seat.code}`;
  room = new Room({ seat, returning, api, views, onEnd: (reason) => ended(seat, reason) });
  room.open();
}

function closeRoom() {
  room?.dispose();
  room = null;
}

/** Notes the seat that the server gave. */
function remember(answer, quick = false) {
  const seat = {
    code: answer.room_code,
    player_id: answer.player_id,
    player_number: answer.player_number,
    username: answer.username,
    quick,
  };
  memory.rememberSeat(seat);
  return seat;
}

function ended(seat, reason) {
  const kind = room.match.againstBot ? 'bot' : seat.quick ? 'quick' : 'friend';
  closeRoom();
  if (reason !== 'replaced' && seat.player_id) memory.forgetSeat();
  if (reason === 'replaced') showEnding(reason, 'Play here', () => route());
  else if (reason === 'bad_token' || reason === 'refused') showEnding('bad_token', 'Join again', () => route());
  else if (reason === 'match_lost' || reason === 'match_over') showEnding(reason, 'Play again', () => start(kind));
  else showEnding(reason);
}

function showEnding(reason, action, onAction) {
  showNotice(...(ENDINGS[reason] ?? ENDINGS.other), action, onAction);
}

function showNotice(title, text, action = '', onAction = null) {
  clearTimeout(slow);
  setText(byId('notice-title'), title);
  setText(byId('notice-text'), text);
  setShown(byId('notice-action'), action !== '');
  setText(byId('notice-action'), action);
  byId('notice-action').onclick = onAction;
  showScreen('notice');
  announce(`${title}. ${text}`);
}

function showJoinFailure(code, error) {
  if (!(error instanceof RoomError)) throw error;
  const held = memory.recallHeldSeat(code);
  if (error.code === 'room_full' && held) {
    showEnding('replaced', 'Play here', () => {
      memory.rememberSeat(held);
      openRoom(held, true);
    });
  } else if (error.code === 'room_full') {
    showNotice('This room is full', 'Both seats are taken, but you can watch the match.', 'Watch', () => openRoom({ code }));
  } else if (error.status === 404) {
    showEnding('room_gone');
  } else {
    showNotice('That did not work', error.message, 'Try again', () => route());
  }
}

/** Leaves a room. An unfinished match can be gone back to from home. */
function leave() {
  if (!room || room.match.phase === 'finished') memory.forgetSeat();
  go('/');
}

/** Leaves a room that still waits, and closes it if it is ours. */
async function cancel() {
  if (!room?.match.seat) return go('/');
  views.lobby.setBusy(true);
  try {
    await api.cancel(room.code);
    memory.forgetSeat();
    go('/');
  } catch (error) {
    if (error.status !== 403 && error.status !== 404) {
      views.lobby.say(error.message);
      return;
    }
    // Not ours to close, or closed already: just leave it.
    memory.forgetSeat();
    go('/');
  } finally {
    views.lobby.setBusy(false);
  }
}

function named() {
  const username = memory.recallName();
  return username ? { username } : {};
}

async function start(kind) {
  const level = memory.recallLevel();
  const requests = {
    friend: () => api.create(named()),
    bot: () => api.create({ ...named(), opponent: 'bot', level }),
    quick: () => api.quick(named()),
  };
  const mine = ++way;
  clearHomeMessage();
  setBusy(true);
  try {
    const seat = remember(await requests[kind](), kind === 'quick');
    if (mine !== way) return;
    history.pushState(null, '', `/?room=${seat.code}`);
    openRoom(seat);
  } catch (error) {
    if (mine === way) showStartFailure(error);
  } finally {
    setBusy(false);
  }
}

function showStartFailure(error) {
  if (location.search) history.pushState(null, '', '/');
  showHome();
  setText(byId('home-message'), error.message);
}

/** Goes to the room of a typed code, if there is one. */
async function joinByCode() {
  const code = parseRoomCode(byId('code').value);
  if (!code) return refuseCode('A room code is six letters and digits.');
  const mine = ++way;
  clearHomeMessage();
  try {
    await api.check(code);
  } catch (error) {
    // Any other failure is told by the way there.
    if (mine === way && error.status === 404) refuseCode(`There is no room ${code}`);
    if (error.status === 404) return;
  }
  if (mine === way) go(`/?room=${code}`);
}

function refuseCode(sentence) {
  const field = byId('code');
  setText(byId('home-message'), sentence);
  field.setAttribute('aria-invalid', 'true');
  field.focus();
  field.select();
}

function clearHomeMessage() {
  setText(byId('home-message'), '');
  byId('code').removeAttribute('aria-invalid');
}

function setBusy(busy) {
  for (const id of ['play-friend', 'play-bot', 'quick', 'notice-action']) byId(id).disabled = busy;
}

function listen() {
  const name = byId('name');
  name.value = memory.recallName();
  name.addEventListener('input', () => memory.rememberName(cleanName(name.value)));
  for (const radio of document.querySelectorAll('input[name="level"]')) {
    radio.checked = radio.value === memory.recallLevel();
    radio.addEventListener('change', () => memory.rememberLevel(radio.value));
  }
  byId('start-form').addEventListener('submit', (event) => {
    event.preventDefault();
    start(event.submitter?.value || 'friend');
  });
  byId('join-form').addEventListener('submit', (event) => {
    event.preventDefault();
    joinByCode();
  });
  byId('code').addEventListener('input', clearHomeMessage);
  byId('return').addEventListener('click', (event) => {
    event.preventDefault();
    go(byId('return').getAttribute('href'));
  });
  byId('notice-home').addEventListener('click', () => go('/'));
  addEventListener('popstate', route);
}

/** The server takes 1 to 32 characters and no control characters. */
function cleanName(text) {
  return [...text.replace(/\p{Cc}/gu, '').trim()].slice(0, 32).join('');
}

listen();
route();
