// SPDX-License-Identifier: Apache-2.0
//
// What becomes of new devices, how devices are answered, and where they ask.
import {get, patch, put, remove} from "./api.js";
import {empty, field, h, renew, run, said, select, sure, table, tell}
  from "./dom.js";

const DIALECTS = {manual: "As the script in the core\u2019s manual",
  current: "As today\u2019s documented script (404, x-version)"};

// The pages that are one to the bar at the top.
export function tabs(here, may) {
  const list = [["settings", "General"]];
  if (may("admin")) list.push(["tokens", "Tokens"], ["audit", "Audit"]);
  return h("nav", {class: "tabs", "aria-label": "Settings"}, list.map(
    ([name, text]) => h("a", {href: `#/${name}`,
      "aria-current": name === here ? "page" : null}, text)));
}

export function settings({may}) {
  const admin = may("admin");
  const error = h("div");
  const choice = (value, title, text) => h("div", {class: "choice"},
    h("input", {type: "radio", name: "policy", value, id: `policy-${value}`,
      disabled: !admin}),
    h("label", {for: `policy-${value}`}, h("strong", {}, title),
      h("span", {}, text)));
  const dialect = select("dialect", DIALECTS);
  const save = h("button", {class: "primary"}, "Save");
  dialect.disabled = !admin;
  const form = h("form", {class: "card"},
    h("fieldset", {}, h("legend", {}, "New devices"),
      choice("pending", "Wait", "A device that asks for the first time is " +
        "noted and gets nothing until somebody accepts it."),
      choice("accept", "Accept", "A device that asks for the first time " +
        "gets what is released for it at once.")),
    field("Answers to devices", dialect), error, admin && save);
  const paths = h("section", {class: "card"});
  const list = pathList(paths, admin);
  let dirty = false;
  const fill = have => {
    form.elements.policy.value = have.policy;
    dialect.value = have.dialect;
    dirty = false;
  };

  form.addEventListener("input", () => { dirty = true; });

  form.addEventListener("submit", event => {
    event.preventDefault();
    run(save, error, async () => {
      fill(await patch("/settings", {policy: form.elements.policy.value,
        dialect: dialect.value}));
      tell("Saved.");
    });
  });

  return {
    title: "Settings",
    element: h("div", {}, tabs("settings", may), form, paths),
    wants: {kinds: "settings,path"},
    async load() {
      fill(await get("/settings"));
      await list();
    },
    live(kind, thing) {
      if (kind !== "settings") list().catch(() => {});
      else if (!dirty) fill(thing);
      else if (thing.policy !== form.elements.policy.value ||
               thing.dialect !== dialect.value)
        tell("Somebody else changed the settings; what you chose here is " +
          "not saved yet.");
    },
  };
}

// The paths, filled into `place`: the table alone is drawn anew when they
// change, so that what somebody types below it stays.
function pathList(place, admin) {
  const rows = h("div");
  const error = h("div");
  const forget = path => event => run(event.target, error, async () => {
    if (!await sure("Remove this path?", "Devices that ask there find " +
      "nothing any more.", "Remove")) return;
    await remove("/paths", {path});
    await load();
  });
  const columns = [["Path", row => said(row.path), "first"],
    ["Product", row => said(row.product || "\u2013")],
    ["Answers", row => said(row.dialect || "as set above")]];
  if (admin) columns.push(["Actions", row => h("button", {type: "button",
    class: "small quiet", "aria-label": `Remove ${row.path}`,
    onclick: forget(row.path)}, "Remove"), "act"]);
  let asked = 0;

  async function load() {
    const mine = ++asked;
    const list = (await get("/paths", {limit: 1000})).paths;
    if (mine !== asked) return;
    renew(rows, list.length ? table("Paths", columns, list) :
      empty("Devices have nowhere to ask",
        h("p", {}, "Add /update, at which they ask by default.")));
  }

  place.replaceChildren(h("h2", {}, "Paths"),
    h("p", {class: "hint"}, "Where devices ask. Each path can stand for a " +
      "product, which has releases of its own."), error, rows,
    admin ? adder(error, load) : "");
  return load;
}

function adder(error, again) {
  const path = h("input", {name: "path", autocomplete: "off",
    placeholder: "/update.php", required: true});
  const product = h("input", {name: "product", autocomplete: "off"});
  const go = h("button", {}, "Add a path");
  const form = h("form", {class: "fields", novalidate: true},
    field("Path", path), field("Product", product),
    h("div", {class: "field end"}, go));
  form.addEventListener("submit", event => {
    event.preventDefault();
    run(go, error, async () => {
      await put("/paths", {path: path.value.trim(),
        product: product.value.trim()});
      form.reset();
      await again();
    });
  });
  return form;
}
