// SPDX-License-Identifier: Apache-2.0
//
// Which page is shown: the part of the address behind # names it, so that
// reload, back and bookmarks work.  Logging in and out.
//
// A page is a function of its context, {words, query, me, may, place}, that
// returns {title, element, load, wants, live, update}: load() fills it and may
// be called again, live(kind, thing) hears of what happens and is wanted,
// update(query) takes another query in place of a new page.  All but title and
// element may be absent.
import {get, onLeave, post, remove} from "./api.js";
import {audit} from "./audit.js";
import {device} from "./device.js";
import {devices} from "./devices.js";
import {alarm, empty, field, h, run} from "./dom.js";
import {firmware} from "./firmware.js";
import {follow, listen, start, stop} from "./live.js";
import {release} from "./release.js";
import {newRelease, releases} from "./releases.js";
import {settings} from "./settings.js";
import {tokens} from "./tokens.js";

const pages = [
  [/^\/devices$/, devices], [/^\/devices\/([^/]+)$/, device],
  [/^\/releases$/, releases], [/^\/releases\/new$/, newRelease],
  [/^\/releases\/([^/]+)$/, release], [/^\/firmware$/, firmware],
  [/^\/settings$/, settings], [/^\/tokens$/, tokens], [/^\/audit$/, audit],
];
const SCOPES = ["read", "operate", "admin"];

const main = document.getElementById("main");
const header = document.getElementById("top");
let me = null;
let shown = {};

function place() {
  const [path, search] = location.hash.slice(1).split("?");
  return [path || "/devices",
    Object.fromEntries(new URLSearchParams(search || ""))];
}

function lost() {
  return {title: "No such page", element: empty("There is no such page",
    h("p", {}, h("a", {href: "#/devices"}, "To the devices")))};
}

function context(words, query) {
  return {words, query, me,
    may: scope => SCOPES.indexOf(me.scope) >= SCOPES.indexOf(scope)};
}

function plain(word) {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

function choose(path) {
  for (const [pattern, page] of pages) {
    const match = pattern.exec(path);
    if (match) return [page, match.slice(1).map(plain)];
  }
  return [lost, []];
}

function mark(path) {
  const top = {"/tokens": "/settings", "/audit": "/settings"}[path] || path;
  for (const link of header.querySelectorAll("nav a")) {
    const to = link.getAttribute("href").slice(1);
    if (top === to || top.startsWith(to + "/"))
      link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function load(view, error) {
  try {
    if (view.load) await view.load();
    error.replaceChildren();
  } catch (problem) {
    if (problem.status === 401) return;
    error.replaceChildren(alarm(problem, () => load(view, error)));
  }
}

function show() {
  if (!me) return;
  const [path, query] = place();
  mark(path);
  if (shown.path === path && shown.view.update) {
    shown.view.update(query);
    return;
  }
  const [page, words] = choose(path);
  const view = page(context(words, query));
  const first = !shown.path;
  const error = h("div");
  const title = h("h1", {tabindex: "-1"}, view.title);
  shown = {path, view, error};
  document.title = `${view.title} \u00b7 Otter console`;
  main.replaceChildren(title, error, view.element);
  scrollTo(0, 0);
  if (!first) title.focus({preventScroll: true});
  follow(view.wants || {kinds: "settings"})
    .then(() => shown.view === view && load(view, error));
}

function live(kind, thing) {
  if (kind === "again") load(shown.view, shown.error);
  else if (shown.view?.live) shown.view.live(kind, thing);
}

function stream(state) {
  const element = document.getElementById("stream");
  element.className = state;
  element.textContent = state === "live" ? "Live" : "Reconnecting";
}

function enter() {
  header.hidden = false;
  document.getElementById("whom").textContent = `${me.name} (${me.scope})`;
  shown = {};
  start(stream);
  show();
}

// --- Logging in and out

function login(why) {
  const token = h("input", {type: "password", name: "token", required: true,
    autocomplete: "current-password", autocapitalize: "off",
    spellcheck: "false"});
  const error = h("div");
  const button = h("button", {class: "primary"}, "Log in");
  const form = h("form", {class: "card login", novalidate: true},
    h("img", {src: "icon.svg", alt: "", width: "56", height: "56"}),
    h("h1", {}, "Otter console"),
    why && h("p", {role: "status"}, why),
    error,
    field("Token", token, "It begins with otter_. The server printed an " +
      "administrator\u2019s token when it started for the first time; an " +
      "administrator makes more under Settings."),
    button);
  form.addEventListener("submit", event => {
    event.preventDefault();
    run(button, error, async () => {
      const text = token.value.trim();
      if (!text) throw new Error("Enter the token first.");
      await post("/session", {token: text});
      me = await get("/me");
      enter();
    }).then(() => me || token.focus());
  });
  header.hidden = true;
  document.title = "Log in \u00b7 Otter console";
  main.replaceChildren(form);
  token.focus();
}

function leave(why) {
  me = null;
  shown = {};
  stop();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  login(why);
}

document.getElementById("logout").addEventListener("click", async () => {
  await remove("/session").catch(() => {});
  history.replaceState(null, "", location.pathname);
  leave("You are logged out.");
});
document.getElementById("skip").addEventListener("click", () => main.focus());
onLeave(() => me && leave("Your session has ended. Log in again."));
listen(live);
addEventListener("hashchange", show);
// A file that misses its field must not replace the page.
for (const type of ["dragover", "drop"])
  addEventListener(type, event => event.preventDefault());

try {
  me = await get("/me");
  enter();
} catch (problem) {
  if (problem.status === 401) login();
  else main.replaceChildren(alarm(problem, () => location.reload()));
}
