// SPDX-License-Identifier: Apache-2.0
//
// One release: how far it is, device by device as it happens, and stopping
// it.
import {get, patch} from "./api.js";
import {link} from "./devices.js";
import {badge, h, moment, renew, run, said, sure, tell} from "./dom.js";
import {progress, STEPS} from "./live.js";
import {COUNTS, target} from "./releases.js";

const LIMIT = 100;

function tiles(counts) {
  return h("dl", {class: "tiles"}, COUNTS.map(name => h("div",
    {class: `tile ${name}`, "data-count": name},
    h("dt", {}, name), h("dd", {}, String(counts?.[name] ?? 0)))));
}

// The devices that it was offered to, the latest first: as the server knows
// them, and then as they go on.  What has not changed stays, so that it is not
// read out anew.
function happening(id, place) {
  const list = h("ol", {class: "live"});
  const known = new Map();
  const hint = h("p", {class: "hint"}, "Devices appear here when they ask " +
    "and get this release.");
  place.append(hint, list);
  const put = (mac, now) => {
    const before = known.get(mac);
    if (before?.step === now.step) return;
    const [kind, , words] = STEPS[now.step];
    const item = h("li", {"data-mac": mac, class: kind},
      h("a", {href: link(mac)}, said(now.name || mac)), " ",
      h("span", {}, words), " ", moment(now.at));
    before?.item.remove();
    list.prepend(item);
    known.set(mac, {step: now.step, item});
    hint.hidden = true;
  };
  return {
    follow(mac) {
      const now = progress.get(mac);
      if (String(now?.release) === String(id)) put(mac, now);
    },
    // Somebody removed the device.
    drop(mac) {
      known.get(mac)?.item.remove();
      known.delete(mac);
      hint.hidden = known.size > 0;
    },
    // A page of the API's list; the one heard of last comes first.
    add(page) {
      for (const {mac, name, state, at} of page.sort(
        (one, other) => one.at < other.at ? -1 : 1))
        put(mac, {step: state, name, at});
    },
  };
}

function facts(item) {
  const rows = [
    ["Firmware", said(`${item.firmware.name} ${item.firmware.version}`)],
    ["Target", target(item.target)],
    ["Product", item.product && said(item.product)],
    ["Kind", item.mode === "filesystem" ? "file system" : "sketch"],
    ["Priority", String(item.priority ?? 0)],
    ["Made", [moment(item.created), " by ", said(item.by || "unknown")]],
    ["Notes", item.notes && said(item.notes)],
  ];
  return h("dl", {class: "facts"}, rows.filter(([, value]) => value).map(
    ([name, value]) => h("div", {}, h("dt", {}, name),
      h("dd", {}, value))));
}

export function release({words: [id], may}) {
  const head = h("div", {class: "head"});
  const error = h("div");
  const actions = h("div", {class: "actions", role: "group",
    "aria-label": "Change"});
  const sums = h("div");
  const devices = h("div", {role: "log", "aria-label": "Devices"});
  const about = h("div");
  const {follow, add, drop} = happening(id, devices);
  const more = h("div", {class: "actions"});
  let state = null;
  let asked = 0;

  const change = (name, words) => event => run(event.target, error,
    async () => {
      if (name === "withdrawn" && !await sure("Withdraw this release?",
        "Devices are no longer offered it, and that is final: it cannot be " +
        "resumed. Devices that run it keep it.", "Withdraw")) return;
      await patch(`/releases/${id}`, {state: name});
      tell(words);
      await load();
    });

  function buttons() {
    const button = (text, name, words, kind) => h("button",
      {type: "button", class: kind, onclick: change(name, words)}, text);
    return [
      state === "active" && button("Pause", "paused",
        "The release is paused."),
      state === "paused" && button("Resume", "active",
        "The release goes on.", "primary"),
      state !== "withdrawn" && button("Withdraw", "withdrawn",
        "The release is withdrawn.", "danger"),
    ].filter(element => element);
  }

  async function load() {
    const mine = ++asked;
    const path = `/releases/${encodeURIComponent(id)}`;
    const item = await get(path);
    if (mine !== asked) return;
    show(item);
    await next(path + "/devices", "", () => mine === asked);
  }

  async function next(path, after, wanted) {
    const page = await get(path, {after, limit: LIMIT});
    if (!wanted()) return;
    add(page.devices);
    more.replaceChildren(...page.next ? [h("button", {type: "button",
      onclick: event => run(event.target, error,
        () => next(path, page.next, wanted))}, "More devices")] : []);
  }

  function show(item) {
    head.replaceChildren(
      said(`${item.firmware.name} ${item.firmware.version}`, "name"), " ",
      badge(item.state));
    if (may("operate") && item.state !== state) {
      state = item.state;
      renew(actions, ...buttons());
    }
    sums.replaceChildren(tiles(item.counts));
    about.replaceChildren(facts(item));
  }

  return {
    title: `Release ${id}`, load,
    wants: /^[1-9]\d{0,17}$/.test(id) &&
      {kinds: "device,release", release: id},
    element: h("div", {class: "release"}, head, error, actions, sums,
      h("section", {class: "card"}, h("h2", {}, "Devices"), devices,
        more),
      h("section", {class: "card"}, h("h2", {}, "Details"), about)),
    live(kind, thing) {
      if (kind === "device") follow(thing.mac);
      if (kind === "release" && String(thing.id) === id) show(thing);
      if (kind !== "removed" || !thing.device) return;
      drop(thing.device); // and it is not counted any more
      load().catch(() => {});
    },
  };
}
