// SPDX-License-Identifier: Apache-2.0
//
// The devices: finding them, what they run, why they were answered as they
// were, and accepting new ones.
import {get, patch} from "./api.js";
import {badge, empty, field, h, moment, renew, run, said, select, table, tags,
  tell} from "./dom.js";
import {follow, progress, STEPS} from "./live.js";

const LIMIT = 50;
const STATES = {"": "All", pending: "Pending", accepted: "Accepted",
  blocked: "Blocked"};

export const link = mac => `#/devices/${encodeURIComponent(mac)}`;

function address(query) {
  const search = new URLSearchParams(
    Object.entries(query).filter(([, value]) => value)).toString();
  return "#/devices" + (search ? "?" + search : "");
}

// The devices of a page are followed in all they do, of others the news.
const wants = macs => ({kinds: "device", news: "true",
  mac: macs.map(mac => mac.replaceAll(":", "")).join(",")});

// How far its update is, when one is under way.
export function step(mac) {
  const known = progress.get(mac);
  if (!known) return null;
  const [kind, text] = STEPS[known.step];
  return h("span", {class: `step ${kind}`}, text);
}

export function devices({query, may}) {
  let asked = 0;
  let timer = 0;
  let turn = 0; // while somebody types, pages come and go
  let rows = new Map();
  const results = h("div", {class: "results"});
  const count = h("p", {class: "count", role: "status"});

  const error = h("div");

  const accept = device => event => run(event.target, error, async () => {
    await patch(`/devices/${device.mac}`, {state: "accepted"});
    tell(`${device.name || device.mac} is accepted now.`);
    await load();
  });

  const columns = [
    ["Device", device => [
      h("a", {href: link(device.mac)}, said(device.name || device.mac)),
      device.name && h("small", {}, device.mac),
      h("span", {class: "tags"}, device.group && h("span", {class: "tag"},
        said(device.group)), tags(device.tags))], "first"],
    ["State", device => [badge(device.state), step(device.mac)]],
    ["Version", device => [said(device.version || "\u2013"),
      device.product && h("small", {}, said(device.product))]],
    ["Last seen", device => moment(device.last_seen)],
    ["Last answer", device => h("span", {},
      said(device.answer?.reason || "It has not asked yet.")), "wide"],
  ];
  if (may("operate"))
    columns.push(["Actions", device => device.state === "pending" &&
      h("button", {type: "button", class: "small primary",
        "aria-label": `Accept ${device.name || device.mac}`,
        onclick: accept(device)}, "Accept"),
      "act"]);

  const filtered = () => Object.entries(query).some(
    ([key, value]) => key !== "after" && value);

  function nothing() {
    if (filtered() || query.after)
      return empty("No device fits",
        h("p", {}, "Nothing is known that fits all of the filters."),
        h("p", {}, h("a", {href: "#/devices"}, "Show all devices")));
    return empty("No device has asked yet",
      h("p", {}, "Let a device ask this server, in a sketch for instance:"),
      h("pre", {}, "ESPhttpUpdate.update(client, \"" +
        new URL("../update", document.baseURI).href + "\", \"1.0.0\");"),
      h("p", {}, "It appears here at its first request."));
  }

  function draw(list, next) {
    const element = table("Devices", columns, list,
      device => ({"data-mac": device.mac}));
    rows = new Map(list.map((device, index) =>
      [device.mac, element.tBodies[0].rows[index]]));
    clearTimeout(turn);
    turn = setTimeout(() => results.isConnected &&
      follow(wants([...rows.keys()])), 500);
    renew(results, list.length ? element : nothing(),
      h("nav", {class: "pager", "aria-label": "More devices"},
        query.after && h("a", {href: address({...query, after: ""})},
          "First page"),
        next && h("a", {href: address({...query, after: next})},
          "Next page")));
    count.textContent = list.length + (list.length === 1 ? " device" :
      " devices") + (next || query.after ? " on this page" : "");
  }

  async function load() {
    const mine = ++asked;
    results.ariaBusy = "true";
    try {
      const answer = await get("/devices", {...query, limit: LIMIT});
      if (mine === asked) draw(answer.devices, answer.next);
    } finally {
      if (mine === asked) results.ariaBusy = null;
    }
  }

  function soon() {
    timer = timer || setTimeout(() => {
      timer = 0;
      if (results.isConnected) load().catch(() => {});
    }, 1000);
  }

  function live(kind, device) {
    if (kind === "removed" && rows.has(device.device)) soon();
    if (kind !== "device") return;
    const row = rows.get(device.mac);
    // Of those elsewhere only news can bring one onto this page.
    if (!row && device.event === "asked" && device.requests > 1) return;
    if (!row || row.contains(document.activeElement)) {
      soon();
      return;
    }
    const [fresh] = table("", columns, [device],
      () => ({"data-mac": device.mac, class: "fresh"})).tBodies[0].rows;
    row.replaceWith(fresh);
    rows.set(device.mac, fresh);
  }

  const form = filters(query, changed => {
    query = changed;
    history.replaceState(null, "", address(query));
    load().catch(error => tell(error.message));
  });
  return {
    title: "Devices", load, live, wants: wants([]),
    element: h("div", {}, form, count, error, results),
    update(changed) {
      query = changed;
      form.fill(query);
      load().catch(error => tell(error.message));
    },
  };
}

function filters(query, then) {
  const text = (name, more) => h("input", {name, value: query[name],
    autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    maxlength: "63", ...more});
  const more = h("details", {class: "more",
    open: ["version", "group", "tag"].some(name => query[name])},
    h("summary", {}, "More filters"),
    h("div", {class: "fields"},
      field("Version", text("version")), field("Group", text("group")),
      field("Tag", text("tag"))));
  const form = h("form", {class: "filters", role: "search"},
    h("div", {class: "fields"},
      field("Search", text("q", {type: "search",
        placeholder: "MAC, name, address"})),
      field("State", select("state", STATES, query.state))), more);
  let timer = 0;
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => then(Object.fromEntries(
      [...new FormData(form)].map(([key, value]) => [key, value.trim()]))),
      250);
  });
  form.fill = values => {
    for (const control of form.elements)
      if (control.name) control.value = values[control.name] || "";
  };
  return form;
}
