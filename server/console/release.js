// SPDX-License-Identifier: Apache-2.0
//
// One release: how far it is, device by device as it happens, and stopping
// it.
import {get, patch} from "./api.js";
import {link} from "./devices.js";
import {badge, h, moment, run, said, sure, tell} from "./dom.js";
import {progress} from "./live.js";
import {COUNTS, target} from "./releases.js";

const WORDS = {offered: "is downloading it", downloaded: "has it, restarts",
  running: "runs it"};

function tiles(counts) {
  return h("dl", {class: "tiles"}, COUNTS.map(name => h("div",
    {class: `tile ${name}`, "data-count": name},
    h("dt", {}, name), h("dd", {}, String(counts?.[name] ?? 0)))));
}

// Its devices of which something was heard since the page was opened.
function happening(id) {
  const list = [...progress].filter(([, known]) =>
    String(known.release) === String(id)).slice(-50).reverse();
  if (!list.length)
    return h("p", {class: "hint"}, "Devices appear here when they ask and " +
      "get this release.");
  return h("ol", {class: "live"}, list.map(([mac, known]) =>
    h("li", {"data-mac": mac, class: known.step},
      h("a", {href: link(mac)}, said(known.name || mac)), " ",
      h("span", {}, WORDS[known.step]), " ", moment(known.at))));
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
  let state = null;
  let asked = 0;
  let timer = 0;

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
    const item = await get(`/releases/${encodeURIComponent(id)}`);
    if (mine !== asked) return;
    head.replaceChildren(
      said(`${item.firmware.name} ${item.firmware.version}`, "name"), " ",
      badge(item.state));
    if (may("operate") && item.state !== state) {
      state = item.state;
      actions.replaceChildren(...buttons());
    }
    sums.replaceChildren(tiles(item.counts));
    about.replaceChildren(facts(item));
    draw();
  }

  function draw() {
    devices.replaceChildren(happening(id));
  }

  return {
    title: `Release ${id}`, load,
    element: h("div", {class: "release"}, head, error, actions, sums,
      h("section", {class: "card"}, h("h2", {}, "Live"), devices),
      h("section", {class: "card"}, h("h2", {}, "Details"), about)),
    live() {
      timer = timer || setTimeout(() => {
        timer = 0;
        if (head.isConnected) load().catch(() => {});
      }, 300);
    },
  };
}
