// SPDX-License-Identifier: Apache-2.0
//
// Who may use the server: tokens, shown once when they are made.
import {get, post, remove} from "./api.js";
import {badge, field, h, moment, renew, run, said, select, sure, table,
  tell} from "./dom.js";
import {tabs} from "./settings.js";

const SCOPES = {read: "Read: look at everything",
  operate: "Operate: also devices, firmware and releases",
  admin: "Admin: also tokens and settings"};

export function tokens({may}) {
  const list = h("div");
  const fresh = h("div", {role: "status"});
  const error = h("div");
  const name = h("input", {name: "name", autocomplete: "off", required: true,
    maxlength: "62"});
  const scope = select("scope", SCOPES, "operate");
  const go = h("button", {class: "primary"}, "Make a token");

  const forget = item => event => run(event.target, error, async () => {
    if (!await sure("Delete this token?", [said(item.name), " can no longer "
      + "use the server, from now on."], "Delete")) return;
    await remove(`/tokens/${item.id}`);
    tell("The token is deleted.");
    await load();
  });

  async function load() {
    const all = (await get("/tokens", {limit: 1000})).tokens;
    renew(list, table("Tokens", [
      ["Name", item => said(item.name), "first"],
      ["Scope", item => badge(item.scope)],
      ["Made", item => moment(item.created)],
      ["Actions", item => h("button", {type: "button", class: "small quiet",
        "aria-label": `Delete ${item.name}`, onclick: forget(item)},
        "Delete"), "act"],
    ], all));
  }

  const form = h("form", {class: "card", novalidate: true},
    h("h2", {}, "A new token"),
    h("div", {class: "fields"}, field("Name", name, "For whom or what."),
      field("Scope", scope)), error, go);
  form.addEventListener("submit", event => {
    event.preventDefault();
    run(go, error, async () => {
      if (!name.value.trim()) {
        name.focus();
        throw new Error("Give it a name, so that it can be told from others "
          + "when one has to go.");
      }
      const made = await post("/tokens", {name: name.value.trim(),
        scope: scope.value});
      fresh.replaceChildren(h("section", {class: "card why good"},
        h("h2", {}, "The token of ", said(made.name)),
        h("p", {}, "Keep it now, it is not shown again."),
        h("output", {class: "secret"}, made.token)));
      form.reset();
      await load();
    });
  });
  return {title: "Tokens", load,
    wants: {kinds: may("admin") ? "token" : "settings"},
    live: kind => kind !== "settings" && load().catch(() => {}),
    element: h("div", {}, tabs("tokens", may), may("admin")
      ? [fresh, list, form]
      : h("p", {}, "Tokens are for administrators."))};
}
