// SPDX-License-Identifier: Apache-2.0
//
// One device: what it said, what was decided about it, and why.
import {get, patch, remove} from "./api.js";
import {step} from "./devices.js";
import {badge, empty, field, h, moment, renew, run, said, size, sure, table,
  tags, tell} from "./dom.js";
import {progress, STEPS} from "./live.js";

const WAY = [[["offered"], "Offered"], [["downloaded"], "Downloaded"],
  [["trial", "installed", "confirmed"], "Runs it"]];
const ENDS = {reverted: "It went back to the version it ran before.",
  failed: "It took the new version and still runs another.",
  trial: "It tries the new version out and has not confirmed it yet."};

// The way of an update, while one is under way or just over.
function steps(mac) {
  const known = progress.get(mac);
  if (!known) return null;
  const found = WAY.findIndex(([names]) => names.includes(known.step));
  const reached = found < 0 ? 1 : found;
  return h("section", {class: "card", "aria-label": "Update"},
    h("h2", {}, STEPS[known.step][1]),
    h("ol", {class: `way ${STEPS[known.step][0]}`},
      WAY.map(([, text], index) =>
        h("li", {class: index <= reached ? "done" : null,
          "aria-current": index === reached ? "step" : null}, text))),
    h("p", {}, known.version === known.from
      ? ["From ", said(known.from)]
      : [said(known.from), " \u2192 ", said(known.version)]),
    ENDS[known.step] && h("p", {}, ENDS[known.step]));
}

function facts(device) {
  const rows = [
    ["Group", device.group && said(device.group)],
    ["Tags", device.tags?.length ? tags(device.tags) : null],
    ["Version", said(device.version || "unknown")],
    ["Status", device.status && said(device.status)],
    ["Product", device.product && said(device.product)],
    ["Board", device.board && said(device.board)],
    ["Asks for", device.mode && said(device.mode)],
    ["Address", device.address && said(device.address)],
    ["First seen", moment(device.first_seen)],
    ["Last seen", moment(device.last_seen)],
    ["Requests", device.requests],
    ["Flash", device.chip_size && size(device.chip_size)],
    ["Free space", device.free_space && size(device.free_space)],
    ["Sketch", device.sketch_size && size(device.sketch_size)],
  ];
  return h("dl", {class: "facts"}, rows.filter(([, value]) =>
    value || value === 0).map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function why(explain) {
  const words = {update: ["good", "Will be updated"],
    no_update: ["", "Stays as it is"], refused: ["bad", "Gets nothing"]};
  const [kind, title] = words[explain.decision] || ["", explain.decision];
  return h("section", {class: `card why ${kind}`, "aria-label": "Why"},
    h("h2", {}, title), h("p", {class: "reason"}, said(explain.reason)),
    explain.release && h("p", {},
      h("a", {href: `#/releases/${explain.release}`},
        `Release ${explain.release}`)));
}

function past(history) {
  if (!history.length)
    return h("p", {class: "hint"}, "Nothing yet: it starts with the first " +
      "request.");
  return table("History", [
    ["When", entry => moment(entry.at)],
    ["What", entry => said(entry.event || "version")],
    ["Version", entry => said(entry.version || "\u2013")],
    ["Detail", entry => entry.detail && said(entry.detail), "wide"],
  ], history);
}

function headers(device) {
  const list = Object.entries(device.headers || {});
  if (!list.length)
    return h("p", {class: "hint"}, "It has not asked yet.");
  return h("dl", {class: "headers"}, list.map(([name, value]) =>
    h("div", {}, h("dt", {}, said(name)), h("dd", {}, said(value)))));
}

export function device({words: [mac], may}) {
  const head = h("div", {class: "head"});
  const now = h("div");
  const more = h("div");
  const gone = h("div", {role: "status"});
  const error = h("div");
  const edit = may("operate") && editor(mac, error, () => load());
  const parts = h("div", {class: "columns"},
    h("div", {}, now, edit && edit.element), more);
  let asked = 0;
  let timer = 0;
  let known = false;

  // There is none, or none any more.  What somebody typed stays, for the case
  // that the device asks again.
  function leave(title, text) {
    if (known && !gone.firstChild)
      [title, text] = ["This device was removed", "Somebody removed it while " +
        "this page was open; its history is gone. When it asks again it is a " +
        "new device and appears here."];
    if (gone.firstChild) return;
    parts.hidden = head.hidden = true;
    gone.replaceChildren(empty(title, h("p", {}, said(text)),
      h("p", {}, h("a", {href: "#/devices"}, "Back to the devices"))));
  }

  async function load() {
    const mine = ++asked;
    const path = `/devices/${encodeURIComponent(mac)}`;
    let about;
    try {
      about = await get(path);
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      if (mine === asked) leave("This device is not known", problem.message);
      return;
    }
    const [explain, history] = await Promise.all(
      [get(`${path}/explain`), get(`${path}/history`, {limit: 100})]);
    if (mine !== asked) return;
    known = true;
    parts.hidden = head.hidden = false;
    gone.replaceChildren();
    head.replaceChildren(said(about.name, "name"), " ",
      badge(about.state), step(about.mac) || "");
    if (edit) edit.show(about);
    now.replaceChildren(steps(about.mac) || "", why(explain));
    more.replaceChildren(
      h("section", {class: "card"}, h("h2", {}, "Details"), facts(about)),
      h("section", {class: "card"}, h("h2", {}, "History"),
        past(history.history)),
      h("section", {class: "card"}, h("h2", {}, "Headers of its last " +
        "request"), headers(about)));
  }

  return {
    title: `Device ${mac}`, load,
    wants: /^[0-9a-f]{2}([:-]?[0-9a-f]{2}){5}$/i.test(mac) &&
      {kinds: "device,release,path,settings", mac: mac.toUpperCase()},
    element: h("div", {class: "device"}, head, error, gone, parts),
    live(kind, thing) {
      if (kind === "device" && thing.mac !== mac.toUpperCase()) return;
      if (kind === "removed" && thing.device) {
        if (thing.device !== mac.toUpperCase()) return;
        asked++; // what is on its way is of before
        leave("This device was removed", "");
        return;
      }
      timer = timer || setTimeout(() => {
        timer = 0;
        if (head.isConnected) load().catch(() => {});
      }, 300);
    },
  };
}

const DECISIONS = [["accepted", "Accept", "primary"],
  ["blocked", "Block", "danger"], ["pending", "Set to pending", ""]];

function editor(mac, error, load) {
  const path = `/devices/${encodeURIComponent(mac)}`;
  const input = name => h("input", {name, autocomplete: "off",
    maxlength: "63"});
  const controls = {name: input("name"), group: input("group"),
    tags: input("tags")};
  const save = h("button", {class: "primary"}, "Save");
  const form = h("form", {},
    field("Name", controls.name), field("Group", controls.group),
    field("Tags", controls.tags, "Separated by commas or blanks."), save);
  const actions = h("div", {class: "actions", role: "group",
    "aria-label": "Decide"});
  let dirty = false;

  const decide = state => event => run(event.target, error, async () => {
    await patch(path, {state});
    tell(`The device is ${state} now.`);
    await load();
  });

  const forget = event => run(event.target, error, async () => {
    if (!await sure("Forget this device?", "Its history and what was decided "
        + "about it are lost. When it asks again it is a new device.",
        "Forget it")) return;
    await remove(path);
    location.hash = "#/devices";
    tell("The device is forgotten.");
  });

  form.addEventListener("input", () => { dirty = true; });
  form.addEventListener("submit", event => {
    event.preventDefault();
    run(save, error, async () => {
      await patch(path, {name: controls.name.value.trim(),
        group: controls.group.value.trim(),
        tags: controls.tags.value.split(/[\s,]+/).filter(tag => tag)});
      dirty = false;
      tell("Saved.");
      await load();
    });
  });

  let state = null;
  return {
    element: h("section", {class: "card"}, h("h2", {}, "Decide"), actions,
      form, h("div", {class: "actions below"},
        h("a", {class: "button", href: "#/releases/new?kind=mac&value=" +
          encodeURIComponent(mac)}, "Release to it\u2026"),
        h("button", {type: "button", class: "quiet", onclick: forget},
          "Forget this device"))),
    // Shows what is, but never over what somebody is typing.
    show(about) {
      if (state !== about.state) {
        state = about.state;
        renew(actions, ...DECISIONS
          .filter(([name]) => name !== state)
          .map(([name, text, kind]) => h("button", {type: "button",
            class: kind, onclick: decide(name)}, text)));
      }
      if (dirty) return;
      controls.name.value = about.name || "";
      controls.group.value = about.group || "";
      controls.tags.value = (about.tags || []).join(", ");
    },
  };
}
