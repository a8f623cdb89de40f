// SPDX-License-Identifier: Apache-2.0
//
// What the server tells as it happens, and of that only what the page shows.
// The stream is closed while nobody looks at the page: browsers allow few
// connections to one server.

import {get, url} from "./api.js";

const KINDS = ["device", "release", "firmware", "token", "path", "settings",
  "removed"];
// How long the first look at a page waits for the stream.
const PATIENCE = 1000;
// An old stream ends so much after the next is open: what was on its way in it
// is still heard.
const OVERLAP = 200;
const listeners = new Set();
// How far each device is with its update, since the page was opened.
export const progress = new Map();
// What the steps of an update look like, and what they are called: in short,
// and after "the device ...".
export const STEPS = {
  offered: ["busy", "Downloading", "is downloading it"],
  downloaded: ["busy", "Restarting", "has it and restarts"],
  trial: ["busy", "On trial", "tries it out"],
  installed: ["good", "Updated", "runs it"],
  confirmed: ["good", "Updated", "runs it, confirmed"],
  reverted: ["bad", "Reverted", "went back to what it ran before"],
  failed: ["bad", "Failed", "took it and still runs another version"],
};

let source = null;
let former = null; // goes on until that one is open
let wanted = false;
let wait = 1000;
let timer = 0;
let opened = false; // what happened before the next is open may be missed
let wants = {};
let ready = () => {};
let show = () => {};

// `then(kind, thing)` for everything that happens; the kind "again" says that
// something may have been missed.  Returns what ends it.
export function listen(then) {
  listeners.add(then);
  return () => listeners.delete(then);
}

function spread(kind, thing) {
  if (kind === "device") note(thing);
  for (const then of listeners) then(kind, thing);
}

// Keeps how far the device's update is.
function note(device) {
  if (!STEPS[device.event]) return;
  const known = progress.get(device.mac);
  const begins = device.event === "offered" || !known;
  progress.set(device.mac, {
    step: device.event, at: device.last_seen, name: device.name,
    version: device.version,
    from: begins ? device.version : known.from,
    release: device.release ?? known?.release,
  });
}

function open() {
  clearTimeout(timer);
  if (!wanted || document.hidden) return;
  if (source?.readyState === EventSource.OPEN) {
    former?.close();
    former = source;
  } else source?.close();
  const mine = source = new EventSource(url("/events", wants));
  mine.onopen = () => {
    if (mine !== source) return;
    const old = former;
    former = null;
    setTimeout(() => old?.close(), OVERLAP);
    wait = 1000;
    show("live");
    ready();
    if (opened) spread("again");
    opened = true;
  };
  mine.onerror = () => {
    if (mine !== source) return;
    show("lost");
    opened = true;
    ready();
    get("/me").catch(() => {}); // the session may have ended
    if (mine.readyState !== EventSource.CLOSED) return;
    shut();
    timer = setTimeout(open, wait);
    wait = Math.min(2 * wait, 30000);
  };
  mine.addEventListener("missed", () => spread("again"));
  for (const kind of KINDS)
    mine.addEventListener(kind, event =>
      wanted && spread(kind, JSON.parse(event.data)));
}

function shut() {
  source?.close();
  former?.close();
  source = former = null;
}

// How far devices are is known as long as none of their steps is missed.
function forget() {
  if (wants.news || !wants.kinds) return;
  const macs = (wants.mac || "").split(",");
  for (const [mac, {release}] of progress)
    if (!macs.includes(mac) && String(release) !== wants.release)
      progress.delete(mac);
}

// Hears of that from now on, {kinds, mac, release, news} as the API has them.
// Comes back when what is loaded then is followed without a gap, or when that
// cannot be had just now.
export function follow(what) {
  if (JSON.stringify(what) === JSON.stringify(wants) && source)
    return Promise.resolve();
  wants = what;
  opened = false;
  forget();
  return new Promise(done => {
    const give = () => {
      opened = true; // once it is open the page has to be loaded again
      done();
    };
    const late = setTimeout(give, PATIENCE);
    ready = () => {
      clearTimeout(late);
      done();
    };
    open();
    if (!source || document.hidden) give();
  });
}

// Starts; `state` is told "live" and "lost".
export function start(state) {
  show = state;
  wanted = true;
}

export function stop() {
  wanted = opened = false;
  wants = {};
  clearTimeout(timer);
  progress.clear();
  shut();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) shut();
  else if (!source) open();
});
