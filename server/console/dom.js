// SPDX-License-Identifier: Apache-2.0
//
// Making elements.  Everything that a device or a person wrote gets into the
// page through here and as text: there is no way from a string to markup.

let ids = 0;

// An element.  Attributes that start with "on" are listeners; true is an
// attribute without value; null, undefined and false are left out, also among
// the children, which are nodes, texts or lists of them.
export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter(
    child => child !== null && child !== undefined && child !== false));
  return element;
}

// What a device said: set apart from the text around it, and without the
// characters that change how others are shown.
export function said(text, className) {
  const seen = String(text ?? "").replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f]/g,
    "\ufffd");
  return h("bdi", {class: "said " + (className || "")}, seen);
}

// --- Time and sizes

const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"]];

function ago(date) {
  const seconds = Math.max(0, Math.round((Date.now() - date) / 1000));
  if (seconds < 3) return "just now";
  for (const [limit, unit, name] of STEPS)
    if (seconds < limit) return `${Math.floor(seconds / unit)} ${name} ago`;
  const days = Math.floor(seconds / 86400);
  if (days < 31) return days === 1 ? "1 day ago" : `${days} days ago`;
  return date.toLocaleDateString();
}

// A moment, told from now; the whole of it as a hint.
export function moment(text) {
  const date = new Date(text);
  if (!text || isNaN(date)) return h("span", {}, "never");
  return h("time", {datetime: text, title: date.toLocaleString(),
    "aria-live": "off"}, ago(date));
}

setInterval(() => {
  for (const element of document.querySelectorAll("time")) {
    const text = ago(new Date(element.dateTime));
    if (element.textContent !== text) element.textContent = text;
  }
}, 5000);

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "unknown";
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1048576) return `${Math.round(bytes / 102.4) / 10} KiB`;
  return `${Math.round(bytes / 104857.6) / 10} MiB`;
}

// --- Parts that several pages have

const BADGES = {
  accepted: "good", active: "good", installed: "good", admin: "warn",
  pending: "warn", paused: "warn", blocked: "bad", failed: "bad",
};

export function badge(state) {
  return h("span", {class: `badge ${BADGES[state] || ""}`}, state);
}

export function tags(list) {
  return (list || []).map(tag => h("span", {class: "tag"}, said(tag)));
}

// A control with its label, and a hint that screen readers tell with it.
export function field(label, control, hint) {
  const id = `field-${++ids}`;
  control.id = control.id || id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", {class: "field"},
    h("label", {for: control.id}, label), control,
    hint && h("p", {class: "hint", id: `${id}-hint`}, hint));
}

export function select(name, options, value) {
  return h("select", {name}, Object.entries(options).map(([key, text]) =>
    h("option", {value: key, selected: key === String(value ?? "")}, text)));
}

// A cell; one without content is empty, so that a narrow screen omits it.
function cell([name, content, kind], row) {
  const inside = [content(row)].flat(Infinity).filter(child => child);
  return h("td", {role: "cell", "data-label": name, class: kind},
    inside.length > 0 && h("div", {}, inside));
}

// A table that is a list of cards on a narrow screen; the roles stay with it
// there.  A column: [name, row => content, class].
export function table(label, columns, rows, attributes) {
  const tr = row => h("tr", {
    role: "row", ...(attributes ? attributes(row) : {})},
    columns.map(column => cell(column, row)));
  return h("table", {role: "table", "aria-label": label},
    h("thead", {role: "rowgroup"}, h("tr", {role: "row"},
      columns.map(([name, , kind]) =>
        h("th", {role: "columnheader", scope: "col", class: kind}, name)))),
    h("tbody", {role: "rowgroup"}, rows.map(tr)));
}

// What to say where there is nothing, and what to do about it.
export function empty(title, ...rest) {
  return h("div", {class: "empty"}, h("h2", {}, title), ...rest);
}

// What went wrong; read out at once.
export function alarm(error, again) {
  return h("div", {class: "alarm", role: "alert"},
    h("strong", {}, error.title || "Something went wrong"),
    h("p", {}, said(error.message)),
    again && h("button", {type: "button", onclick: again}, "Try again"));
}

// A line at the edge of the screen, read out when there is time.
export function tell(text) {
  const line = h("p", {}, text);
  document.getElementById("said").replaceChildren(line);
  setTimeout(() => line.remove(), 6000);
}

// Puts new content in place of the old.  The focus stays on what is there
// again, else it goes to the first thing that can be used.
export function renew(place, ...children) {
  const active = document.activeElement;
  const inside = place.contains(active);
  const name = element => element.getAttribute("aria-label") ||
    element.textContent;
  const wanted = inside && name(active);
  place.replaceChildren(...children);
  if (!inside) return;
  const same = [...place.querySelectorAll(active.localName)].find(
    element => name(element) === wanted);
  (same || place.querySelector("a, button"))?.focus();
}

// Runs what a button stands for: it cannot be pressed twice, and an error is
// shown in `place`.  The button keeps the focus, so it is not disabled.
export async function run(button, place, action) {
  if (button.ariaDisabled) return undefined;
  button.ariaDisabled = "true";
  place.replaceChildren();
  try {
    return await action();
  } catch (error) {
    place.replaceChildren(alarm(error));
    place.scrollIntoView({block: "nearest"});
    return undefined;
  } finally {
    button.ariaDisabled = null;
  }
}

// Asks before something that cannot be taken back.
export function sure(title, text, action) {
  return new Promise(resolve => {
    const id = `dialog-${++ids}`;
    const dialog = h("dialog", {"aria-labelledby": id},
      h("h2", {id}, title), h("p", {}, text),
      h("div", {class: "actions"},
        h("button", {type: "button", autofocus: true,
          onclick: () => dialog.close("")}, "Cancel"),
        h("button", {type: "button", class: "danger",
          onclick: () => dialog.close("yes")}, action)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
