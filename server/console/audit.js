// SPDX-License-Identifier: Apache-2.0
//
// Who changed what.
import {get} from "./api.js";
import {empty, h, moment, said, table, tell} from "./dom.js";
import {tabs} from "./settings.js";

export function audit({query, may}) {
  const list = h("div");
  let timer = 0;

  async function load() {
    const answer = await get("/audit", {limit: 100, after: query.after});
    list.replaceChildren(answer.audit.length ? table("Audit log", [
      ["When", entry => moment(entry.at)],
      ["Who", entry => said(entry.who)],
      ["What", entry => said(entry.what), "wide"],
    ], answer.audit) : empty("Nothing was changed yet"),
    h("nav", {class: "pager", "aria-label": "More of the log"},
      query.after && h("a", {href: "#/audit"}, "First page"),
      answer.next && h("a", {href: `#/audit?after=${
        encodeURIComponent(answer.next)}`}, "Next page")));
  }

  return {
    title: "Audit", load, wants: {kinds: "device,release,firmware,path," +
      "settings" + (may("admin") ? ",token" : ""), news: "true"},
    live(kind, thing) {
      // Not what devices do, but what is done to them.
      if (kind === "device" && thing.event !== "changed") return;
      timer = timer || setTimeout(() => {
        timer = 0;
        if (list.isConnected) load().catch(() => {});
      }, 500);
    },
    element: h("div", {}, tabs("audit", may), list),
    update(changed) {
      query = changed;
      load().catch(error => tell(error.message));
    },
  };
}
