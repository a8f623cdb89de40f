// SPDX-License-Identifier: Apache-2.0
//
// Drives Chromium for the system tests: a command as a line of JSON in, its
// result as a line of JSON out.  It asserts nothing; that is for the tests.
// OTTER_PLAYWRIGHT names the folder with playwright-core, OTTER_CHROMIUM the
// browser.
import {createRequire} from "node:module";
import {readFileSync} from "node:fs";
import {createInterface} from "node:readline";

const require = createRequire(process.env.OTTER_PLAYWRIGHT + "/");
const {chromium} = require("playwright-core");
const browser = await chromium.launch({
  executablePath: process.env.OTTER_CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         ...JSON.parse(process.env.OTTER_CHROMIUM_ARGS || "[]")],
});
const PATIENCE = 60000;
let context, page, problems;

const commands = {
  // A new window; options as of Playwright's newContext.
  async open({url, options}) {
    await context?.close();
    context = await browser.newContext(options);
    context.setDefaultTimeout(PATIENCE);
    problems = [];
    page = await context.newPage();
    page.on("pageerror", error => problems.push(String(error)));
    page.on("dialog", dialog => {
      problems.push(`the page says "${dialog.message()}"`);
      dialog.dismiss();
    });
    page.on("console", message => {
      if (/Content Security Policy|Trusted/.test(message.text()))
        problems.push(message.text());
    });
    page.on("request", request => {
      if (!request.url().startsWith(new URL(url).origin) &&
          !request.url().startsWith("data:"))
        problems.push("asked for " + request.url());
    });
    const response = await page.goto(url);
    return {status: response.status()};
  },
  async close() {
    await context?.close();
    context = undefined;
  },
  async choose({selector, path}) {
    await page.setInputFiles(selector, path);
  },
  // Drops a file as the desktop does, by events with data.
  async drop({selector, path, name}) {
    const bytes = readFileSync(path).toString("base64");
    await page.evaluate(async ([selector, bytes, name]) => {
      const data = new DataTransfer();
      const blob = Uint8Array.from(atob(bytes), c => c.charCodeAt(0));
      data.items.add(new File([blob], name));
      for (const type of ["dragover", "drop"])
        document.querySelector(selector).dispatchEvent(new DragEvent(type,
          {bubbles: true, cancelable: true, dataTransfer: data}));
    }, [selector, bytes, name]);
  },
  async click({selector}) {
    await page.click(selector, {noWaitAfter: true});
  },
  async fill({selector, text}) {
    await page.fill(selector, text);
  },
  async pick({selector, value}) {
    await page.selectOption(selector, value);
  },
  // What leaves the browser is held to so many bytes a second.
  async throttle({bytes}) {
    const session = await context.newCDPSession(page);
    await session.send("Network.emulateNetworkConditions", {offline: false,
      latency: 0, downloadThroughput: -1, uploadThroughput: bytes});
  },
  async press({key}) {
    await page.keyboard.press(key);
  },
  // Waits until the visible text of an element fits, and returns it.
  async wait({selector, pattern, ms}) {
    const element = page.locator(selector);
    const end = Date.now() + (ms || PATIENCE);
    for (;;) {
      const text = await element.isVisible() ? await element.innerText() : "";
      if (new RegExp(pattern).test(text)) return {text};
      if (Date.now() > end)
        throw new Error(`"${text}" does not become /${pattern}/`);
      await new Promise(done => setTimeout(done, 20));
    }
  },
  async visible({selector}) {
    return {visible: await page.locator(selector).isVisible()};
  },
  // Remembers all that the element's text is from now on.
  async watch({selector}) {
    await page.evaluate(selector => {
      const element = document.querySelector(selector);
      const seen = [];
      (window.seen ||= {})[selector] = seen;
      new MutationObserver(() => {
        if (element.textContent != seen.at(-1))
          seen.push(element.textContent);
      })
        .observe(element, {childList: true, characterData: true,
                           subtree: true});
    }, selector);
  },
  async seen({selector}) {
    return {seen: await page.evaluate(s => window.seen[s], selector)};
  },
  async eval({script}) {
    return {value: await page.evaluate(script)};
  },
  async shot({path}) {
    await page.screenshot({path, fullPage: true});
  },
  async tree() {
    return {tree: await page.locator("body").ariaSnapshot()};
  },
  async problems() {
    return {problems};
  },
};

for await (const line of createInterface({input: process.stdin})) {
  const {command, ...options} = JSON.parse(line);
  let answer;
  try {
    answer = await commands[command](options) || {};
  } catch (error) {
    answer = {error: String(error)};
  }
  console.log(JSON.stringify(answer));
}
await browser.close();
