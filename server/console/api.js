// SPDX-License-Identifier: Apache-2.0
//
// Talking with otterd's API.  The session is a cookie that scripts cannot
// read; the header X-Otter-Console shows that a change was meant by this page.

const BASE = new URL("../api/v1", document.baseURI);

// What went wrong, in a word; how and what to do is the server's to say.
const TITLES = {
  400: "The server does not take this", 403: "Your token may not do this",
  404: "This is not there", 409: "This cannot be done",
  413: "This is too large", 422: "The server refuses this",
  401: "You are not let in", 507: "The server\u2019s disk is full",
};

// An answer that is an error, as problem+json tells it.
export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
  }
}

const away = () => new Problem(0, "The server does not answer",
  "Check that otterd runs and that this machine reaches it, then try again.");

let leave = () => {};

// `then` is called when the session has ended.
export function onLeave(then) {
  leave = then;
}

export function url(path, query) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query || {}))
    if (value !== "" && value !== null && value !== undefined)
      search.set(key, value);
  const text = search.toString();
  return BASE.pathname + path + (text ? "?" + text : "");
}

function judge(path, status, text) {
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    throw new Problem(status, "The answer is not otterd's",
      `Something between this page and otterd answered with ${status}.`);
  }
  if (status >= 200 && status < 300) return body;
  const problem = new Problem(status, TITLES[status] ||
    `The server has a problem (${status})`, body?.detail || body?.title);
  if (status === 401 && path !== "/session") leave(problem);
  throw problem;
}

async function call(method, path, query, body) {
  const options = {method, headers: {}, cache: "no-store",
    credentials: "same-origin"};
  if (method !== "GET") options.headers["X-Otter-Console"] = "1";
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer, text;
  try {
    answer = await fetch(url(path, query), options);
    text = await answer.text();
  } catch {
    throw away();
  }
  return judge(path, answer.status, text);
}

export const get = (path, query) => call("GET", path, query);
export const post = (path, body) => call("POST", path, null, body);
export const put = (path, body) => call("PUT", path, null, body);
export const patch = (path, body) => call("PATCH", path, null, body);
export const remove = (path, query) => call("DELETE", path, query);

// Sends a firmware file; `progress` is told how much of it has left.  Returns
// {firmware, known}, known when the server had the very same, and `abort`.
export function upload(file, query, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", url("/firmware", query));
    request.setRequestHeader("X-Otter-Console", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = event => progress(event.loaded, file.size);
    request.onerror = () => reject(away());
    request.onabort = () => reject(new Problem(0, "Stopped",
      "The upload was stopped; the server keeps nothing of it."));
    request.onload = () => {
      try {
        const firmware = judge("/firmware", request.status,
          request.responseText);
        resolve({firmware, known: request.status === 200});
      } catch (error) {
        reject(error);
      }
    };
    request.send(file);
  });
  return {done, abort: () => request.abort()};
}
