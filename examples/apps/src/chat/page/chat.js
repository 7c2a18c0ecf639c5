'use strict';

const element = id => document.getElementById(id);
const room = location.hash.slice(1).replace(/[^A-Za-z0-9-]/g, '').slice(0, 32) || 'lobby';
let socket = null;
let name = '';
/** Whether one of our messages has not come back yet: what comes with our name then is ours. */
let waiting = 0;

element('room').textContent = room;
addEventListener('hashchange', () => location.reload());

/** Adds a line and shows it, unless the reader has scrolled up to older ones. */
function add(line) {
  const list = element('messages');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(line);
  while (list.childElementCount > 500) {
    list.firstElementChild.remove();
  }
  if (atEnd) {
    list.scrollTop = list.scrollHeight;
  }
}

function note(text) {
  const line = document.createElement('div');
  line.className = 'note';
  line.textContent = text;
  add(line);
}

function message(from, text) {
  const own = from === name && waiting > 0;
  if (own) {
    waiting -= 1;
  }
  const line = document.createElement('div');
  line.className = own ? 'message own' : 'message';
  const who = document.createElement('b');
  who.textContent = own ? 'you' : from;
  line.append(who, text);
  add(line);
}

function people(count) {
  element('state').textContent = count === '1' ? 'you are alone' : `${count} people`;
}

const kinds = {
  here: (_, count) => people(count),
  came: (from, count) => { people(count); note(`${from} is here`); },
  left: (from, count) => { people(count); note(`${from} has left`); },
  said: message,
};

function connect() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  socket = new WebSocket(`${scheme}://${location.host}/room/${room}`);
  socket.onopen = () => {
    waiting = 0;
    socket.send(name);
    element('enter').hidden = true;
    element('speak').hidden = false;
    element('text').focus();
  };
  socket.onmessage = event => {
    const [kind, from, ...text] = event.data.split('\t');
    kinds[kind]?.(from, text.join('\t'));
  };
  socket.onclose = event => {
    element('state').textContent = 'not connected';
    note(event.reason || 'the connection is lost');
    element('enter').hidden = false;
    element('speak').hidden = true;
  };
}

element('enter').addEventListener('submit', event => {
  event.preventDefault();
  name = element('name').value.trim().replace(/\s/g, ' ');
  if (name) {
    connect();
  }
});

element('speak').addEventListener('submit', event => {
  event.preventDefault();
  const field = element('text');
  const text = field.value.trim();
  if (text && socket.readyState === WebSocket.OPEN) {
    waiting += 1;
    socket.send(text);
    field.value = '';
  }
});
