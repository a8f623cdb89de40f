// SPDX-License-Identifier: Apache-2.0
//
// What becomes of new devices, how devices are answered, and where they ask.
import {get, patch, put, remove} from "./api.js";
import {empty, field, h, run, said, select, sure, table, tell}
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

  form.addEventListener("submit", event => {
    event.preventDefault();
    run(save, error, async () => {
      await patch("/settings", {policy: form.elements.policy.value,
        dialect: dialect.value});
      tell("Saved.");
    });
  });

  return {
    title: "Settings",
    element: h("div", {}, tabs("settings", may), form, paths),
    async load() {
      const have = await get("/settings");
      form.elements.policy.value = have.policy;
      dialect.value = have.dialect;
      await showPaths(paths, admin);
    },
  };
}

async function showPaths(place, admin) {
  const list = (await get("/paths", {limit: 1000})).paths;
  const error = h("div");
  const again = () => showPaths(place, admin);
  const forget = path => event => run(event.target, error, async () => {
    if (!await sure("Remove this path?", "Devices that ask there find " +
      "nothing any more.", "Remove")) return;
    await remove("/paths", {path});
    await again();
  });
  const columns = [["Path", row => said(row.path), "first"],
    ["Product", row => said(row.product || "\u2013")],
    ["Answers", row => said(row.dialect || "as set above")]];
  if (admin) columns.push(["Actions", row => h("button", {type: "button",
    class: "small quiet", "aria-label": `Remove ${row.path}`,
    onclick: forget(row.path)}, "Remove"), "act"]);
  place.replaceChildren(h("h2", {}, "Paths"),
    h("p", {class: "hint"}, "Where devices ask. Each path can stand for a " +
      "product, which has releases of its own."), error,
    list.length ? table("Paths", columns, list) :
      empty("Devices have nowhere to ask",
        h("p", {}, "Add /update, at which they ask by default.")),
    admin ? adder(error, again) : "");
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
      await again();
    });
  });
  return form;
}
