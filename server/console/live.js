// SPDX-License-Identifier: Apache-2.0
//
// What the server tells as it happens.  The stream is closed while nobody
// looks at the page: browsers allow few connections to one server.

import {get, url} from "./api.js";

const KINDS = ["device", "release", "firmware", "removed"];
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
let wanted = false;
let wait = 1000;
let timer = 0;
let opened = false;
let show = () => {};

// `then(kind, thing)` for everything that happens; the kind "again" says that
// something may have been missed.  Returns what ends it.
export function listen(then) {
  listeners.add(then);
  return () => listeners.delete(then);
}

function spread(kind, thing) {
  if (kind === "device") follow(thing);
  for (const then of listeners) then(kind, thing);
}

// Keeps how far the device's update is.
function follow(device) {
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
  if (source || !wanted || document.hidden) return;
  source = new EventSource(url("/events"));
  source.onopen = () => {
    wait = 1000;
    show("live");
    if (opened) spread("again");
    opened = true;
  };
  source.onerror = () => {
    show("lost");
    if (source.readyState !== EventSource.CLOSED) return;
    shut();
    timer = setTimeout(open, wait);
    wait = Math.min(2 * wait, 30000);
    get("/me").catch(() => {}); // the session may have ended
  };
  for (const kind of KINDS)
    source.addEventListener(kind, event =>
      spread(kind, JSON.parse(event.data)));
}

function shut() {
  if (source) source.close();
  source = null;
}

// Starts; `state` is told "live" and "lost".
export function start(state) {
  show = state;
  wanted = true;
  open();
}

export function stop() {
  wanted = opened = false;
  clearTimeout(timer);
  progress.clear();
  shut();
}

document.addEventListener("visibilitychange", () =>
  document.hidden ? shut() : open());
