// SPDX-License-Identifier: Apache-2.0
//
// The firmware: bringing files to the server, by dropping them anywhere on
// the page or by choosing them, and what is there.
import {get, remove, upload, url} from "./api.js";
import {alarm, empty, field, h, moment, renew, run, said, select, size, sure,
  table, tell} from "./dom.js";

const LIMIT = 50;
const LARGEST = 16777216;

const KINDS = {"": "As it looks", sketch: "A sketch",
  filesystem: "A file system"};

// What the name of a file says: http_update-1.1.0.bin.gz
function guess(name) {
  const stem = name.replace(/\.gz$/i, "").replace(/\.bin$/i, "");
  const match = /^(.*?)[-_ ]v?(\d+(?:\.\d+)+.*)$/.exec(stem);
  return match ? {name: match[1], version: match[2]} : {};
}

// Devices are told the file's name in a header, which is for plain characters.
function plain(name) {
  return name.replace(/[^\x21-\x7e]|[/"\\;]/g, "_").slice(-94);
}

export function firmware({query, may}) {
  const list = h("div");
  let asked = 0;

  async function forget(item, event, error) {
    await run(event.target, error, async () => {
      if (!await sure("Delete this firmware?",
        [said(`${item.name} ${item.version}`), " is removed from the " +
          "server. Devices that run it keep it."], "Delete")) return;
      await remove(`/firmware/${item.id}`);
      tell("The firmware is deleted.");
      await load();
    });
  }

  async function load() {
    const mine = ++asked;
    const answer = await get("/firmware", {limit: LIMIT, after: query.after});
    if (mine !== asked) return;
    const error = h("div");
    const columns = [
      ["Firmware", item => [h("strong", {}, said(item.name)), " ",
        said(item.version), h("small", {}, said(item.filename || ""))],
        "first"],
      ["For", item => [said(item.board || "\u2013"),
        h("small", {}, item.kind === "filesystem" ? "file system" :
          item.kind || "")]],
      ["Size", item => [size(item.size), item.gzip &&
        h("small", {}, "gzip")]],
      ["Uploaded", item => [moment(item.created), h("small", {}, "by ",
        said(item.by || "unknown"))]],
      ["Notes", item => [item.notes && said(item.notes), h("small", {
        title: item.sha256, class: "digest"}, "SHA-256 ",
        (item.sha256 || "").slice(0, 16))], "wide"],
      ["Actions", item => h("div", {class: "actions"},
        may("operate") && h("a", {class: "button small primary",
          "aria-label": `Release ${item.name} ${item.version}`,
          href: `#/releases/new?firmware=${item.id}`}, "Release\u2026"),
        h("a", {class: "button small", download: item.filename || "",
          "aria-label": `Download ${item.name} ${item.version}`,
          href: url(`/firmware/${item.id}/file`)}, "Download"),
        may("operate") && h("button", {type: "button", class: "small quiet",
          "aria-label": `Delete ${item.name} ${item.version}`,
          onclick: event => forget(item, event, error)}, "Delete")), "act"],
    ];
    renew(list, error, answer.firmware.length
      ? table("Firmware", columns, answer.firmware)
      : empty("There is no firmware yet", h("p", {}, may("operate")
        ? "Drop a .bin file on this page, or choose one above. The server " +
          "looks at it and refuses what cannot run."
        : "Somebody with a token that may operate uploads it.")),
      h("nav", {class: "pager", "aria-label": "More firmware"},
        query.after && h("a", {href: "#/firmware"}, "First page"),
        answer.next && h("a", {href: `#/firmware?after=${
          encodeURIComponent(answer.next)}`}, "Next page")));
  }

  return {
    title: "Firmware", load, wants: {kinds: "firmware"},
    element: h("div", {}, may("operate") && uploader(load), list),
    live: () => load().catch(() => {}),
    update(changed) {
      query = changed;
      load().catch(error => tell(error.message));
    },
  };
}

// The field for a file; its form appears once there is one.
function uploader(then) {
  const picker = h("input", {type: "file", name: "file",
    "aria-describedby": "drop-hint"});
  const below = h("div");
  const zone = h("section", {class: "drop", "aria-label": "Upload"},
    h("label", {class: "button primary"}, "Choose a firmware file", picker),
    h("p", {id: "drop-hint", class: "hint"}, "or drop it here: .bin or .gz, "
      + "a sketch or a file system"));

  const take = file => {
    picker.value = "";
    below.replaceChildren(form(file, () => below.replaceChildren(), then));
    below.querySelector("[name=version]").focus();
  };
  picker.addEventListener("change", () => picker.files[0] &&
    take(picker.files[0]));
  const element = h("div", {}, zone, below);
  dropping(zone, files => {
    if (files.length === 1) take(files[0]);
    else below.replaceChildren(alarm({title: "One file at a time",
      message: files.length ? `${files.length} files were dropped. Drop ` +
        "one, the server wants a name and a version with each." :
        "What was dropped is no file."}));
  });
  return element;
}

// The whole window takes files while the zone is in the page.
function dropping(zone, take) {
  let depth = 0;
  const on = (type, then) => {
    const handler = event => {
      if (!zone.isConnected) removeEventListener(type, handler);
      else then(event);
    };
    addEventListener(type, handler);
  };
  const over = change => () => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle("over", depth > 0);
  };
  on("dragenter", over(1));
  on("dragleave", over(-1));
  on("drop", event => {
    event.preventDefault();
    depth = 0;
    zone.classList.remove("over");
    take(event.dataTransfer.files);
  });
}

function form(file, close, then) {
  const about = guess(file.name);
  const input = (name, value, more) => h("input", {name, value,
    autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    maxlength: "62", ...more});
  const asFile = {placeholder: "as the file says"};
  const name = input("name", about.name, asFile);
  const version = input("version", about.version, asFile);
  const board = input("board", "", asFile);
  const kind = select("kind", KINDS);
  const notes = h("textarea", {name: "notes", rows: "2"});
  const error = h("div");
  const bar = h("progress", {max: "100", value: "0", hidden: true,
    "aria-label": "Uploaded"});
  const rate = h("span", {class: "rate", role: "status"});
  const go = h("button", {class: "primary"}, "Upload");
  let sending = null;

  const element = h("form", {class: "card upload", novalidate: true},
    h("h2", {}, said(file.name), " ", h("small", {}, size(file.size))),
    h("div", {class: "fields"},
      field("Name", name, "What it is: one name for all its versions."),
      field("Version", version, "As the device will report it."),
      field("Board", board), field("Kind", kind)),
    field("Notes", notes), error,
    h("div", {class: "actions"}, go,
      h("button", {type: "button", class: "quiet",
        onclick: () => sending ? sending.abort() : close()}, "Cancel"),
      bar, rate));

  function progress(sent, total) {
    bar.value = total ? 100 * sent / total : 100;
    rate.textContent = sent < total ? `${Math.floor(bar.value)} %`
      : "The server looks at it";
  }

  async function send() {
    if (file.size > LARGEST)
      throw new Error(`The file has ${size(file.size)}; the server takes ` +
        `${size(LARGEST)} at most. A firmware for these chips is smaller.`);
    bar.hidden = false;
    progress(0, file.size || 1);
    sending = upload(file, {name: name.value.trim(),
      version: version.value.trim(), board: board.value.trim(),
      notes: notes.value.trim(), kind: kind.value,
      filename: plain(file.name)}, progress);
    try {
      const {firmware: item, known} = await sending.done;
      tell(known ? "The server has this very file already."
        : `${item.name} ${item.version} is on the server.`);
      close();
    } finally {
      sending = null;
      bar.hidden = true;
      rate.textContent = "";
    }
    await then();
  }

  element.addEventListener("submit", event => {
    event.preventDefault();
    run(go, error, send);
  });
  return element;
}
