// The page of the chat example: signs in, keeps one connection to the hub, draws what it hears.
// What people write reaches the page through textContent only.

const LOBBY = 'lobby';
const LONGEST_DELAY = 5_000; // ms between two attempts to connect
const MOST_LINES = 500; // kept per conversation; the server keeps none
const TOAST_TIME = 8_000; // ms
const SESSION = 'chat-session';

const $ = (id) => document.getElementById(id);
const narrow = matchMedia('(max-width: 760px)');

let session = null; // { token, name, rooms, open }: survives a reload, belongs to this window alone
let connection = null;
let people = new Set(); // everybody who is signed in
let talks = new Map(); // key -> conversation, in the order of the lists
let wake = () => {}; // ends the pause before the next attempt
let bannedBy = null;

// ---------------------------------------------------------------- session

function keep() {
  session.rooms = [...talks.values()].filter((talk) => talk.kind === 'room' && talk.name !== LOBBY).map((talk) => talk.name);
  sessionStorage.setItem(SESSION, JSON.stringify(session));
}

async function signIn(event) {
  event.preventDefault();
  $('sign-in-error').textContent = '';
  try {
    const response = await fetch('login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: $('name').value.trim(), domain: $('domain').value }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    enter({ token: answer.token, name: answer.name, rooms: [], open: roomKey(LOBBY) });
  } catch (err) {
    $('sign-in-error').textContent = err instanceof TypeError ? 'The server cannot be reached.' : sentence(err);
    $('name').focus();
  }
}

function enter(saved) {
  session = saved;
  people = new Set();
  talks = new Map();
  bannedBy = null;
  for (const room of [LOBBY, ...saved.rooms]) talk('room', room);
  if (saved.open.startsWith('@')) talk('direct', saved.open.slice(1));
  $('welcome').hidden = true;
  $('chat').hidden = false;
  $('me').replaceChildren(...nameElement(saved.name).childNodes);
  dress($('my-avatar'), saved.name);
  open(talks.has(saved.open) ? saved.open : roomKey(LOBBY));
  connection = newConnection(saved.token);
  stayConnected(connection);
}

function signOut(reason = '') {
  const old = connection;
  connection = null;
  session = null;
  sessionStorage.removeItem(SESSION);
  wake();
  old?.stop();
  document.title = 'Chat';
  $('chat').hidden = true;
  $('welcome').hidden = false;
  $('sign-in-error').textContent = reason;
  $('name').focus();
}

// ------------------------------------------------------------- connection

function newConnection(token) {
  const made = new signalR.HubConnectionBuilder()
    .withUrl('chat', { accessTokenFactory: () => token })
    // Endless, because a window that is left open should come back by itself; a refused token ends it.
    .withAutomaticReconnect({
      nextRetryDelayInMilliseconds: (retry) => (refusedToken(retry.retryReason) ? null : delay(retry.previousRetryCount)),
    })
    .configureLogging(signalR.LogLevel.Error)
    .build();
  const hear = (event, act) => made.on(event, (news) => made === connection && act(news));
  hear('ReceiveMessage', (message) => add(talk('room', message.room), { kind: 'message', ...message }));
  hear('ReceiveDirect', (message) => {
    add(talk('direct', message.from === session.name ? message.to : message.from), { kind: 'direct', ...message });
  });
  hear('Joined', (name) => {
    if (!people.has(name) && name !== session.name) note(LOBBY, `${name} is here`);
    people.add(name);
    drawLists();
  });
  hear('Left', (name) => {
    if (people.delete(name)) note(LOBBY, `${name} left`);
    for (const one of talks.values()) one.members.delete(name);
    drawLists();
  });
  hear('RoomJoined', ({ room, name }) => changeRoom(room, name, true));
  hear('RoomLeft', ({ room, name }) => changeRoom(room, name, false));
  hear('Banned', ({ user, by }) => {
    if (user === session.name) bannedBy = by;
    else toast(`${user} was banned by ${by}`);
    note(LOBBY, `${user} was banned by ${by}`);
  });
  made.onreconnecting(() => made === connection && showState('reconnecting'));
  made.onreconnected(async () => {
    if (made !== connection) return;
    try {
      await arrive(made);
      note(openTalk().name, 'Connected again. Messages sent meanwhile are not shown.', openTalk().kind);
    } catch {
      // Either the connection is lost once more, or it is of no use: then it starts afresh.
      if (made.state === signalR.HubConnectionState.Connected) made.stop();
    }
  });
  return made;
}

// Runs as long as this connection is the window's own: the first start is retried like every later one.
async function stayConnected(mine) {
  let closed = () => {};
  mine.onclose((err) => closed(err));
  for (let attempt = 0; mine === connection; attempt += 1) {
    showState('connecting');
    const closing = new Promise((resolve) => { closed = resolve; });
    let reason;
    try {
      await mine.start();
      await arrive(mine);
      attempt = 0;
      reason = await closing;
    } catch (err) {
      reason = err;
      await mine.stop();
    }
    if (mine !== connection) return;
    if (refusedToken(reason)) return signOut('Your sign-in is no longer valid. Please sign in again.');
    if (bannedBy !== null || /you are banned/i.test(reason?.message)) {
      showState('disconnected', bannedBy === null ? 'You are banned.' : `You were banned by ${bannedBy}.`);
      await new Promise((resolve) => { wake = resolve; });
    } else {
      showState('disconnected', 'The server cannot be reached. Trying again in a moment.');
      await new Promise((resolve) => { wake = resolve; setTimeout(resolve, delay(attempt)); });
    }
  }
}

// The server knows nothing of an earlier connection, so the rooms are joined again.
async function arrive(mine) {
  for (const { kind, name } of [...talks.values()]) {
    if (kind !== 'room' || name === LOBBY) continue;
    try {
      await join(mine, name);
    } catch (err) {
      if (mine.state !== signalR.HubConnectionState.Connected) throw err;
      drop(roomKey(name));
      toast(sentence(err), true);
    }
  }
  people = new Set(await mine.invoke('WhoIsHere'));
  if (mine !== connection) return;
  bannedBy = null;
  showState('connected');
  drawLists();
}

async function join(mine, name) {
  const { room, members } = await mine.invoke('JoinRoom', name);
  talk('room', room).members = new Set(members);
  return roomKey(room);
}

// Calls a hub method; what the server refuses becomes a toast.
async function call(method, ...args) {
  try {
    await connection.invoke(method, ...args);
    return true;
  } catch (err) {
    toast(sentence(err), true);
    return false;
  }
}

function delay(attempt) {
  const longest = Math.min(LONGEST_DELAY, 250 * 2 ** Math.min(attempt, 8));
  return longest * (0.75 + Math.random() / 4); // so that many windows do not come back at once
}

const refusedToken = (err) => /\b401\b/.test(err?.message);

// A HubError's own words, without the sentence the protocol puts before them.
function sentence(err) {
  const text = err.message.replace(/^.*HubException: /, '');
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

// ---------------------------------------------------------- conversations

const roomKey = (name) => `#${name}`;
const openTalk = () => talks.get(session.open);

function talk(kind, name) {
  const key = (kind === 'room' ? '#' : '@') + name;
  if (!talks.has(key)) {
    talks.set(key, { key, kind, name, lines: [], unread: 0, members: new Set(), draft: '' });
  }
  return talks.get(key);
}

function add(to, line) {
  to.lines.push(line);
  if (to.lines.length > MOST_LINES) to.lines.shift();
  if (to.key === session.open) {
    const list = $('messages');
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    if (to.lines.length === 1) list.replaceChildren();
    list.append(lineElement(line, to.lines.at(-2)));
    if (list.childElementCount > MOST_LINES) list.firstElementChild.remove();
    if (atEnd || line.from === session.name) list.scrollTop = list.scrollHeight;
  }
  const unseen = to.key !== session.open || document.hidden;
  if (unseen && line.kind !== 'note' && line.from !== session.name) to.unread += 1;
  drawLists();
}

function note(name, text, kind = 'room') {
  add(talk(kind, name), { kind: 'note', text, at: Date.now() });
}

function changeRoom(room, name, here) {
  const one = talks.get(roomKey(room));
  if (!one || room === LOBBY) return;
  const changed = here !== one.members.has(name);
  if (here) one.members.add(name);
  else one.members.delete(name);
  if (changed && name !== session.name) note(room, `${name} ${here ? 'joined' : 'left'} the room`);
  drawTitle();
}

function open(key) {
  const before = openTalk();
  if (before) before.draft = $('text').value;
  session.open = key;
  const now = openTalk();
  now.unread = 0;
  $('text').value = now.draft;
  grow();
  const empty = now.kind === 'room' ? `Nothing said in ${now.name} yet.` : `Only ${now.name} and you can read this.`;
  const lines = now.lines.map((line, index) => lineElement(line, now.lines[index - 1]));
  $('messages').replaceChildren(...(lines.length > 0 ? lines : [element('p', 'empty', empty)]));
  $('messages').scrollTop = $('messages').scrollHeight;
  drawTitle();
  drawLists();
  showSidebar(false);
  if (!narrow.matches) $('text').focus();
}

function drop(key) {
  talks.delete(key);
  if (session.open === key) open(roomKey(LOBBY));
  drawLists();
}

// ---------------------------------------------------------------- drawing

function drawLists() {
  keep();
  const of = (kind) => [...talks.values()].filter((one) => one.kind === kind);
  redraw($('rooms'), of('room').map((one) => talkRow(one, 'room')));
  redraw($('directs'), of('direct').map((one) => talkRow(one, 'direct')));
  $('direct-section').hidden = of('direct').length === 0;
  const names = [...people].sort((a, b) => (b === session.name) - (a === session.name) || a.localeCompare(b));
  redraw($('people'), names.map(personRow));
  $('people-count').textContent = String(people.size);
  const unread = [...talks.values()].reduce((sum, one) => sum + one.unread, 0);
  $('elsewhere').hidden = unread === 0;
  document.title = unread === 0 ? 'Chat' : `(${unread}) Chat`;
  drawTitle();
}

// Draws a list anew and leaves the focus where it was.
function redraw(list, rows) {
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  list.replaceChildren(...rows);
  if (focused) [...list.querySelectorAll('button')].find((button) => button.dataset.focus === focused)?.focus();
}

function drawTitle() {
  const { kind, name, members } = openTalk();
  const direct = kind === 'direct';
  $('title').textContent = direct ? name : `# ${name}`;
  const count = name === LOBBY ? people.size : members.size;
  const who = count === 1 ? '1 person' : `${count} people`;
  $('subtitle').textContent = direct ? `Direct message${people.has(name) ? '' : ', not here now'}` : who;
  $('subtitle').title = direct || name === LOBBY ? '' : [...members].join(', ');
  $('leave').hidden = !direct && name === LOBBY;
  $('leave').textContent = direct ? 'Close' : 'Leave';
  $('text').placeholder = direct ? `Only for ${name.split('@')[0]}` : `Message to ${name}`;
}

function talkRow({ key, name, unread }, testId) {
  const row = element('li');
  const button = element('button', 'row');
  button.dataset.testid = testId;
  button.dataset.name = name;
  button.dataset.focus = key;
  button.setAttribute('aria-current', String(key === session.open));
  button.append(testId === 'room' ? element('span', 'hash', '#') : avatar(name), nameElement(name));
  if (unread > 0) {
    const badge = element('span', 'badge', String(unread));
    badge.append(element('span', 'unseen', ' unread'));
    button.append(badge);
  }
  button.addEventListener('click', () => open(key));
  row.append(button);
  return row;
}

function personRow(name) {
  const row = element('li', 'person');
  row.dataset.testid = 'person';
  row.dataset.name = name;
  if (name === session.name) {
    const self = element('span', 'row');
    self.append(avatar(name), nameElement(name), element('span', 'count', 'you'));
    row.append(self);
    return row;
  }
  const button = element('button', 'row');
  button.dataset.testid = 'person-open';
  button.dataset.focus = `open ${name}`;
  button.title = `Write to ${name} alone`;
  button.append(avatar(name), nameElement(name));
  button.addEventListener('click', () => open(talk('direct', name).key));
  const ban = element('button', 'ban', 'Ban');
  ban.dataset.testid = 'ban';
  ban.dataset.focus = `ban ${name}`;
  ban.setAttribute('aria-label', `Ban ${name}`);
  ban.addEventListener('click', () => askBan(name));
  ban.disabled = !isConnected();
  row.append(button, ban);
  return row;
}

function lineElement(line, previous) {
  if (line.kind === 'note') return element('p', 'note', line.text);
  const mine = line.from === session.name;
  const follows = previous?.from === line.from && previous.kind === line.kind && line.at - previous.at < 300_000;
  const item = element('article', 'message');
  item.classList.toggle('mine', mine);
  item.classList.toggle('direct', line.kind === 'direct');
  item.classList.toggle('follows', follows);
  item.dataset.testid = 'message';
  item.dataset.from = line.from;
  const bubble = element('div', 'bubble');
  const head = element('header');
  head.append(mine ? element('strong', 'unseen', 'You') : nameElement(line.from));
  if (line.kind === 'direct') head.append(element('span', 'tag', 'direct'));
  const at = new Date(line.at);
  const time = element('time', '', at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
  time.dateTime = at.toISOString();
  time.title = at.toLocaleString();
  const text = element('p', 'text', line.text);
  text.dataset.testid = 'message-text';
  bubble.append(head, text, time);
  item.append(avatar(line.from), bubble);
  return item;
}

function element(tag, className = '', text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function nameElement(name) {
  const whole = element('strong', 'name');
  const at = name.lastIndexOf('@');
  whole.title = name;
  whole.append(name.slice(0, at), element('span', 'domain', name.slice(at)));
  if (at < 0) whole.textContent = name;
  return whole;
}

function avatar(name) {
  const made = element('span', 'avatar');
  made.setAttribute('aria-hidden', 'true');
  dress(made, name);
  return made;
}

function dress(made, name) {
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  made.style.setProperty('--hue', String(hue));
  made.textContent = name.slice(0, 1).toUpperCase();
}

function showState(state, reason = '') {
  $('state').dataset.state = state;
  $('state').textContent = state[0].toUpperCase() + state.slice(1);
  $('trouble').hidden = reason === '';
  $('reason').textContent = reason;
  const needConnection = [$('send'), $('join').querySelector('button'), ...$('people').querySelectorAll('.ban')];
  for (const button of needConnection) button.disabled = !isConnected();
}

function isConnected() {
  return $('state').dataset.state === 'connected';
}

function toast(text, isError = false) {
  const made = element('div', isError ? 'toast bad' : 'toast');
  made.dataset.testid = 'toast';
  const close = element('button', 'icon', '✕');
  close.setAttribute('aria-label', 'Dismiss');
  close.addEventListener('click', () => made.remove());
  made.append(element('span', '', text), close);
  $('toasts').append(made);
  setTimeout(() => made.remove(), TOAST_TIME);
}

function showSidebar(shown) {
  const hidden = narrow.matches && !shown;
  const hadFocus = $('sidebar').contains(document.activeElement);
  $('sidebar').inert = hidden;
  $('sidebar').classList.toggle('shown', shown);
  $('shade').hidden = !shown || !narrow.matches;
  $('open-sidebar').setAttribute('aria-expanded', String(shown));
  if (shown) $('close-sidebar').focus();
  else if (hidden && hadFocus) $('open-sidebar').focus();
}

function grow() {
  $('text').style.height = 'auto';
  $('text').style.height = `${$('text').scrollHeight}px`;
}

// ---------------------------------------------------------------- actions

async function send(event) {
  event.preventDefault();
  const to = openTalk();
  const text = $('text').value.trim();
  if (text === '' || !isConnected()) return;
  $('text').value = '';
  grow();
  const sent = await call(to.kind === 'room' ? 'SendMessage' : 'SendDirect', to.name, text);
  if (sent || !session) return;
  if (to !== openTalk()) to.draft ||= text;
  else if ($('text').value === '') $('text').value = text;
  grow();
}

async function joinRoom(event) {
  event.preventDefault();
  const name = $('room-name').value.trim();
  if (name === '') return;
  try {
    open(name === LOBBY ? roomKey(LOBBY) : await join(connection, name));
    $('room-name').value = '';
  } catch (err) {
    toast(sentence(err), true);
  }
}

async function leave() {
  const { key, kind, name } = openTalk();
  // A connection that is lost is in no room any more.
  if (kind === 'direct' || !isConnected() || await call('LeaveRoom', name)) drop(key);
}

function askBan(name) {
  const dialog = $('ban-dialog');
  $('ban-title').textContent = `Ban ${name}?`;
  dialog.returnValue = 'cancel';
  dialog.onclose = () => dialog.returnValue === 'ban' && call('BanUser', name);
  dialog.showModal();
}

$('sign-in').addEventListener('submit', signIn);
$('sign-out').addEventListener('click', () => signOut());
$('join').addEventListener('submit', joinRoom);
$('leave').addEventListener('click', leave);
$('retry').addEventListener('click', () => wake());
$('compose').addEventListener('submit', send);
$('text').addEventListener('input', grow);
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send(event);
});
$('open-sidebar').addEventListener('click', () => showSidebar(true));
$('close-sidebar').addEventListener('click', () => showSidebar(false));
$('shade').addEventListener('click', () => showSidebar(false));
$('sidebar').addEventListener('keydown', (event) => event.key === 'Escape' && showSidebar(false));
narrow.addEventListener('change', () => showSidebar(false));
document.addEventListener('visibilitychange', () => {
  if (document.hidden || !session) return;
  openTalk().unread = 0;
  drawLists();
});

const kept = sessionStorage.getItem(SESSION);
if (kept) enter(JSON.parse(kept));
else signOut();
