// SPDX-License-Identifier: Apache-2.0
//
// The releases: which firmware is meant for which devices; making a new one.
import {get, post} from "./api.js";
import {alarm, badge, empty, field, h, moment, renew, run, said, select, size,
  table, tell} from "./dom.js";

const LIMIT = 50;
const STATES = {"": "All", active: "Active", paused: "Paused",
  withdrawn: "Withdrawn"};
const TARGETS = {
  all: ["All devices", ""],
  mac: ["One device, by MAC", "Such as 18:FE:34:00:00:01."],
  group: ["A group", "Its name, as the devices\u2019 pages have it."],
  tag: ["A tag", "One of the tags on the devices\u2019 pages."],
  version: ["Devices that run a version", "The version they report."],
  chip_size: ["Devices with flash of a size", "In bytes, such as 4194304."],
};
const SHORT = {all: "all devices", mac: "device", group: "group", tag: "tag",
  version: "version", chip_size: "flash of"};

// What a release is for; where the devices can be listed, a way to them.
export function target({kind, value}) {
  if (kind === "all") return SHORT.all;
  const to = kind === "mac" ? "#/devices/" + encodeURIComponent(value)
    : kind !== "chip_size" && "#/devices?" + new URLSearchParams(
      {[kind]: value});
  return [SHORT[kind] || kind, " ", to
    ? h("a", {href: to}, said(value))
    : kind === "chip_size" ? size(value) : said(value)];
}

export const COUNTS = ["offered", "downloaded", "installed", "failed"];

function counts(item) {
  return item.counts ? COUNTS.filter(name => item.counts[name]).map(name =>
    `${item.counts[name]} ${name}`).join(", ") || "nobody yet" : "";
}

export function releases({query, may}) {
  const list = h("div");
  const state = select("state", STATES, query.state);
  let asked = 0;
  let timer = 0;

  const address = more => {
    const search = new URLSearchParams(Object.entries({...query, ...more})
      .filter(([, value]) => value)).toString();
    return "#/releases" + (search ? "?" + search : "");
  };

  function nothing() {
    return query.state || query.after
      ? empty("No release fits", h("p", {},
        h("a", {href: "#/releases"}, "Show all releases")))
      : empty("There is no release yet",
        h("p", {}, "A release says which devices get which firmware. " +
          "Upload the firmware, then release it to one device, to a group " +
          "or to all."),
        may("operate") && h("p", {}, h("a", {href: "#/firmware"},
          "To the firmware")));
  }

  async function load() {
    const mine = ++asked;
    const answer = await get("/releases", {...query, limit: LIMIT});
    if (mine !== asked) return;
    const columns = [
      ["Release", item => [h("a", {href: `#/releases/${item.id}`},
        said(`${item.firmware.name} ${item.firmware.version}`)),
        item.product && h("small", {}, "for ", said(item.product)),
        item.mode === "filesystem" && h("small", {}, "file system")],
        "first"],
      ["State", item => badge(item.state)],
      ["Target", item => target(item.target)],
      ["Devices", item => counts(item)],
      ["Priority", item => String(item.priority ?? 0)],
      ["Made", item => [moment(item.created), h("small", {}, "by ",
        said(item.by || "unknown"))]],
      ["Notes", item => item.notes && said(item.notes), "wide"],
    ];
    if (!answer.releases.some(item => item.counts)) columns.splice(3, 1);
    renew(list, answer.releases.length
      ? table("Releases", columns, answer.releases) : nothing(),
      h("nav", {class: "pager", "aria-label": "More releases"},
        query.after && h("a", {href: address({after: ""})}, "First page"),
        answer.next && h("a", {href: address({after: answer.next})},
          "Next page")));
  }

  state.addEventListener("change", () => {
    location.hash = address({state: state.value, after: ""});
  });
  return {
    title: "Releases", load, wants: {kinds: "release"},
    element: h("div", {},
      h("div", {class: "bar"}, h("div", {class: "filters"},
        field("State", state)),
        may("operate") && h("a", {class: "button primary",
          href: "#/releases/new"}, "New release")), list),
    live(kind) {
      if (kind !== "release") return;
      timer = timer || setTimeout(() => {
        timer = 0;
        if (list.isConnected) load().catch(() => {});
      }, 500);
    },
    update(changed) {
      query = changed;
      state.value = query.state || "";
      load().catch(error => tell(error.message));
    },
  };
}

// --- A new one

export function newRelease({query, may}) {
  if (!may("operate"))
    return {title: "New release", element: empty("Your token may only read",
      h("p", {}, "Releases are made with one that may operate."))};
  const error = h("div");
  const firmware = h("select", {name: "firmware", required: true});
  const kind = select("kind", Object.fromEntries(
    Object.entries(TARGETS).map(([key, [text]]) => [key, text])),
    query.kind || "mac");
  const value = h("input", {name: "value", autocomplete: "off",
    autocapitalize: "off", spellcheck: "false", maxlength: "62",
    value: query.value});
  const worth = field("Which", value, " ");
  const product = h("input", {name: "product", autocomplete: "off",
    maxlength: "62"});
  const priority = h("input", {name: "priority", type: "number",
    value: "0", step: "1"});
  const notes = h("textarea", {name: "notes", rows: "2"});
  const paused = h("input", {type: "checkbox", name: "paused",
    id: "paused"});
  const go = h("button", {class: "primary"}, "Release");
  const none = h("div");
  let known = [];

  const aim = () => {
    worth.hidden = kind.value === "all";
    worth.querySelector(".hint").textContent = TARGETS[kind.value][1];
  };
  kind.addEventListener("change", aim);
  aim();

  async function load() {
    known = (await get("/firmware", {limit: 1000})).firmware;
    const chosen = firmware.value || query.firmware;
    firmware.replaceChildren(...known.map(item => h("option",
      {value: item.id, selected: String(item.id) === chosen},
      `${item.name} ${item.version}` + (item.board ? ` (${item.board})` :
        "") + (item.kind === "filesystem" ? ", file system" : ""))));
    form.hidden = !known.length;
    none.replaceChildren(known.length ? "" : empty("There is no firmware yet",
      h("p", {}, h("a", {href: "#/firmware"}, "Upload a firmware first"))));
  }

  async function send() {
    if (kind.value !== "all" && !value.value.trim()) {
      value.focus();
      throw new Error("Say which: " + TARGETS[kind.value][1]);
    }
    const chosen = known.find(item => String(item.id) === firmware.value);
    const made = await post("/releases", {
      firmware: chosen.id, mode: chosen.kind || "sketch",
      target: kind.value === "all" ? {kind: "all"} :
        {kind: kind.value, value: kind.value === "chip_size"
          ? Number(value.value) : value.value.trim()},
      product: product.value.trim(), priority: Number(priority.value || 0),
      notes: notes.value.trim(), state: paused.checked ? "paused" : "active",
    });
    tell("The release is made.");
    location.hash = `#/releases/${made.id}`;
  }

  const form = h("form", {class: "card", novalidate: true, hidden: true},
    field("Firmware", firmware),
    field("For", kind), worth,
    h("details", {class: "more"}, h("summary", {}, "More"),
      field("Product", product, "Only devices that ask at this product\u2019s"
        + " path. Empty: those that ask at /update."),
      field("Priority", priority, "Among releases with a target of the same "
        + "kind the higher one counts."),
      field("Notes", notes)),
    h("div", {class: "check"}, paused, h("label", {for: "paused"},
      "Make it paused: nothing is offered until it is resumed")), error,
    h("div", {class: "actions"}, go,
      h("a", {class: "button quiet", href: "#/releases"}, "Cancel")));
  form.addEventListener("submit", event => {
    event.preventDefault();
    run(go, error, send);
  });
  return {title: "New release", load, wants: {kinds: "firmware"},
    element: h("div", {}, none, form),
    live(kind, thing) {
      const chosen = kind === "removed" &&
        String(thing.firmware) === firmware.value;
      load().then(() => chosen && error.replaceChildren(alarm({
        title: "Choose the firmware anew",
        message: "Somebody deleted the one that was chosen."})))
        .catch(() => {});
    }};
}
