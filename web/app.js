/**
 * The page: which screen is shown, and the way from one to the next. The address says where we are: `/` is home, `/?room=CODE`
 * is a room, `/?watch=CODE` the same without a seat, `/?watch` the list, so that links, reload and the back button do what
 * they should.
 */

import { Backdrop } from './backdrop.js';
import { announce, byId, onScreen, setShown, setText, showScreen } from './dom.js';
import { GameView } from './game-view.js';
import { HomeView } from './home-view.js';
import { LobbyView } from './lobby-view.js';
import * as memory from './memory.js';
import { RoomApi, RoomError, parseRoomCode } from './rest.js';
import { Room } from './room.js';
import { Sounds } from './sounds.js';
import { WatchView } from './watch-view.js';

/** A room that is not there after so long is worth a word. */
const SLOW_MS = 600;
/** While a way back is offered, its match is looked at this often: it may end. */
const WAY_BACK_MS = 3_000;
/** A simulated network, and what is seen of it. */
const DEVELOPERS = ['lag', 'jitter', 'loss', 'debug'];

const api = new RoomApi();
const sounds = new Sounds(memory.recallSound());
const views = {
  home: new HomeView({ start: (kind) => start(kind), join: (code) => joinByCode(code), go: (address) => go(address) }),
  game: new GameView({
    serve: () => room?.serve(),
    pause: () => room?.pause(),
    rematch: () => room?.rematch(),
    leave: () => leave(),
    sound: () => turnSound(),
  }),
  lobby: new LobbyView(() => cancel()),
  watch: new WatchView(api, { watch: (code) => go(`/?watch=${code}`), home: () => go('/') }),
};
const backdrop = new Backdrop(byId('backdrop'));

/** @type {Room | null} */
let room = null;
/** Counts the ways taken, so that an answer that comes too late finds out. */
let way = 0;
/** Counts the times that the address was followed: typing a code at home is a way, and no visit. */
let visit = 0;
let slow = 0;

const ENDINGS = {
  room_gone: ['This room is gone', 'It has closed, or the code is not quite right.'],
  room_closed: ['This room has closed', 'Open another one, it takes a second.'],
  match_lost: ['The server restarted', 'This match is lost.'],
  match_over: ['This match is over', 'It ended while you were away.'],
  replaced: ['You are playing in another tab', 'Your seat in this room is in use there.'],
  kicked: ['You were removed from this room', 'The operator of this server closed your connection.'],
  bad_token: ['Your seat could not be found', 'It may have been taken again in another tab.'],
  refused: ['The server did not let you in', 'It may be full or busy for the moment.'],
  other: ['The connection was closed', 'The server did not say more than that.'],
};

/** After these the seat may still be held, and is worth another try. */
const KEEPS_SEAT = ['replaced', 'refused', 'bad_messages', 'policy'];

/** Shows what the address says. */
async function route() {
  const mine = ++way;
  visit++;
  clearTimeout(slow);
  closeRoom();
  views.watch.close();
  const query = new URLSearchParams(location.search);
  if (query.get('watch') === '') return showList();
  const asked = query.get('watch') ?? query.get('room');
  if (asked === null) return showHome();
  const code = parseRoomCode(asked);
  if (!code) return showEnding('room_gone');
  excuse('Looking for the room …');
  // A seat's cookie is shown to its room anyway: who has one plays.
  if (query.has('watch') && !memory.recallHeldSeat(code)) return openRoom({ code });
  const seat = memory.recallSeat();
  if (seat?.code === code) return openRoom(seat);
  try {
    const answer = await api.join(code, named());
    if (mine === way) openRoom(remember(answer));
  } catch (error) {
    if (mine === way) showJoinFailure(code, error);
  }
}

function go(address) {
  history.pushState(null, '', kept(address));
  route();
}

/** What developers ask for in the address stays in it from screen to screen. */
function kept(address) {
  const [from, to] = [new URLSearchParams(location.search), new URL(address, location.origin)];
  for (const name of DEVELOPERS) if (from.has(name)) to.searchParams.set(name, from.get(name));
  return to.search ? `${to.pathname}${to.search}` : to.pathname;
}

function showHome() {
  document.title = 'Pong';
  views.home.open(memory.recallSeat());
  showScreen('home');
  offerWayBack(visit);
}

/**
 * Offers this tab's seat until its match has ended; without one the seat that a tab had which was closed in mid-match, as long
 * as nobody sits in it. A match that somebody left waits for a while, and is lost then.
 */
async function offerWayBack(mine) {
  const own = memory.recallSeat();
  const seat = own ?? memory.recallLastSeat();
  const isFollowed = () => mine === visit && !byId('home').hidden;
  if (!seat || !isFollowed()) return;
  const answer = await api.check(seat.code).catch((error) => ({ status: error.status === 404 ? 'FINISHED' : 'UNKNOWN' }));
  if (!isFollowed()) return;
  if (own && answer.status === 'FINISHED') {
    memory.forgetSeat();
    views.home.offer(null);
    return offerWayBack(mine);
  }
  const isAwaited = answer.status === 'ONGOING' && answer.active_sessions < answer.player_count;
  const isOffered = own !== null || isAwaited;
  views.home.offer(isOffered ? seat : null, isAwaited);
  if (isOffered) setTimeout(() => offerWayBack(mine), WAY_BACK_MS);
}

function showList() {
  document.title = 'Pong · Watch';
  views.watch.open();
  showScreen('watch');
}

function openRoom(seat) {
  document.title = `Pong · ${seat.code}`;
  room = new Room({ seat, api, views, sounds, onSound: turnSound, onEnd: (reason) => ended(seat, reason) });
  excuse('Connecting to the room …');
  room.open();
}

/** Says so when there is nothing to see of the room for a while: the server may be busy. */
function excuse(text) {
  clearTimeout(slow);
  slow = setTimeout(() => room?.match.game || showNotice('One moment', text), SLOW_MS);
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
  if (!KEEPS_SEAT.includes(reason) && seat.player_id) memory.forgetSeat();
  if (reason === 'replaced') showEnding(reason, 'Play here', () => route());
  else if (reason === 'bad_token') showEnding(reason, 'Join again', () => route());
  else if (KEEPS_SEAT.includes(reason)) showEnding(reason, 'Try again', () => route());
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
      openRoom(held);
    });
  } else if (error.code === 'room_full') {
    showNotice('This room is full', 'Both seats are taken, but you can watch the match.', 'Watch', () => go(`/?watch=${code}`));
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
  views.home.say('');
  setBusy(true);
  try {
    const seat = remember(await requests[kind](), kind === 'quick');
    if (mine !== way) return;
    history.pushState(null, '', kept(`/?room=${seat.code}`));
    openRoom(seat);
  } catch (error) {
    if (mine === way) showStartFailure(error);
  } finally {
    setBusy(false);
  }
}

function showStartFailure(error) {
  if (new URLSearchParams(location.search).has('room')) history.pushState(null, '', kept('/'));
  showHome();
  views.home.say(error.message);
}

/** Goes to the room of a typed code, if there is one. */
async function joinByCode(code) {
  const mine = ++way;
  views.home.say('');
  try {
    await api.check(code);
  } catch (error) {
    // Any other failure is told by the way there.
    if (mine === way && error.status === 404) views.home.refuseCode(`There is no room ${code}`);
    if (error.status === 404) return;
  }
  if (mine === way) go(`/?room=${code}`);
}

function setBusy(busy) {
  views.home.setBusy(busy);
  byId('notice-action').disabled = busy;
}

function turnSound() {
  sounds.isOn = !sounds.isOn;
  memory.rememberSound(sounds.isOn);
  views.game.showSound(sounds.isOn);
}

views.game.showSound(sounds.isOn);
byId('notice-home').addEventListener('click', () => go('/'));
addEventListener('popstate', route);
onScreen((id) => backdrop.show(id !== 'game'));
route();
