// SPDX-License-Identifier: Apache-2.0
//
// What the server tells as it happens.  The stream is closed while nobody
// looks at the page: browsers allow few connections to one server.

import {get, url} from "./api.js";

const KINDS = ["device", "release", "firmware"];
const listeners = new Set();
// How far each device is with its update, since the page was opened.
export const progress = new Map();

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

// From the offer to the new version, or to the failure.
function follow(device) {
  const known = progress.get(device.mac);
  if (device.event === "offered" || device.event === "downloaded")
    progress.set(device.mac, {step: device.event, from: device.version,
      at: device.last_seen, release: device.release});
  else if (known && known.from !== device.version)
    progress.set(device.mac, {...known, step: "running",
      version: device.version, at: device.last_seen});
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
