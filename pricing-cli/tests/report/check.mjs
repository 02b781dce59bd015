// Opens reports in headless Chromium and says everything that is wrong with them; exits with 1 if anything is.
//
//     node check.mjs CHROMIUM REPORT.html...

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const WIDTHS = [390, 1440];

/** Runs within the page: everything that is cut, sticks out or lies over something else. */
function findings() {
  const found = [];
  const visible = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 0;
  const name = (element) => `<${element.tagName.toLowerCase()}> "${(element.textContent ?? '').trim().slice(0, 60)}"`;
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth) found.push(`the page is ${page.scrollWidth} wide, the window ${innerWidth}`);

  // Every piece of text against the nearest block around it, and against the window.
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const parent = text.parentElement;
    if (!text.data.trim() || parent.closest('svg, style, .hidden') || !visible(parent)) continue;
    // What a phone keeps for screen readers only.
    if (getComputedStyle(parent.closest('thead') ?? parent).clipPath !== 'none') continue;
    let block = parent;
    while (getComputedStyle(block).display === 'inline') block = block.parentElement;
    const box = block.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(text);
    for (const line of range.getClientRects()) {
      if (line.width === 0) continue;
      if (line.left < box.left - 1 || line.right > box.right + 1) found.push(`text leaves its block: ${name(parent)}`);
      if (line.left < -1 || line.right > innerWidth + 1) found.push(`text leaves the window: ${name(parent)}`);
    }
    if (block.scrollWidth > block.clientWidth + 1 && block.clientWidth > 0) found.push(`text is cut: ${name(block)}`);
  }

  // Neighbours in a row of a table.
  for (const row of document.querySelectorAll('tr')) {
    if (!visible(row)) continue;
    const cells = [...row.children].filter(visible).map((cell) => cell.getBoundingClientRect());
    for (let at = 1; at < cells.length; at += 1) {
      const [one, next] = [cells[at - 1], cells[at]];
      if (one.right > next.left + 1 && one.bottom > next.top + 1) found.push(`cells overlap in ${name(row)}`);
    }
  }

  const charts = [...document.querySelectorAll('svg')].filter(visible);
  for (const chart of charts) {
    const frame = chart.getBoundingClientRect();
    const title = chart.querySelector('title')?.textContent ?? '';
    if (frame.width < 200 || frame.height < 30) found.push(`chart "${title}" is ${frame.width} by ${frame.height}`);
    if (!title || !chart.querySelector('desc')?.textContent) found.push(`chart "${title}" has no title or description`);
    if (!chart.querySelector('rect, polyline, circle')) found.push(`chart "${title}" shows nothing`);
    const labels = [...chart.querySelectorAll('text')].filter((label) => label.textContent.trim());
    const boxes = labels.map((label) => label.getBoundingClientRect());
    boxes.forEach((box, at) => {
      const out = box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
      if (out) found.push(`chart "${title}": label ${name(labels[at])} leaves the chart`);
      for (let other = at + 1; other < boxes.length; other += 1) {
        const there = boxes[other];
        const overlap = Math.min(box.right, there.right) - Math.max(box.left, there.left) > 1 && Math.min(box.bottom, there.bottom) - Math.max(box.top, there.top) > 2;
        if (overlap) found.push(`chart "${title}": labels ${name(labels[at])} and ${name(labels[other])} overlap`);
      }
    });
    if (/NaN|Infinity|undefined/.test(chart.outerHTML)) found.push(`chart "${title}" has a place that is no number`);
  }
  if (document.querySelector('script, img, iframe, object, embed, link')) found.push('the page has an element that loads or runs something');
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  if (new Set(ids).size < ids.length) found.push('two elements have one id');
  return { found: [...new Set(found)], charts: charts.length };
}

/** Runs within the page: text with less contrast to what is behind it than is asked of normal text. */
function paleText() {
  // A colour that is mixed is `color(srgb R G B / A)`, with channels from 0 to 1.
  const channels = (color) => {
    const numbers = (color.match(/[\d.]+(e-?\d+)?/g) ?? []).map(Number);
    return color.startsWith('color(srgb') ? numbers.map((number, place) => (place < 3 ? number * 255 : number)) : numbers;
  };
  const luminance = ([red, green, blue]) => {
    const linear = [red, green, blue].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const pale = new Set();
  for (const element of document.querySelectorAll('main *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest('title, desc')) continue;
    const style = getComputedStyle(element);
    const ink = luminance(channels(element.closest('svg') ? style.fill : style.color));
    // Numbers on a bar stand on its colour, not on the page.
    const bar = element.classList.contains('on-fill') ? element.previousElementSibling : null;
    const ground = luminance(bar ? channels(getComputedStyle(bar).fill) : behind(element));
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (contrast < 4.5) pale.add(`contrast ${contrast.toFixed(2)}: <${element.tagName}> "${element.textContent.trim().slice(0, 40)}"`);
  }
  return [...pale];
}

/** Opens a report at every width, in light and dark, with all details open and shut, and prints it. */
async function check(browser, file) {
  const problems = [];
  const url = pathToFileURL(resolve(file)).href;
  const page = await browser.newPage();
  page.on('console', (message) => problems.push(`console: ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(`script error: ${error}`));
  page.on('dialog', (dialog) => { problems.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => {
    if (request.url() !== url) problems.push(`request: ${request.method()} ${request.url()}`);
  });
  let charts = 0;
  for (const width of WIDTHS) {
    await page.setViewport({ width, height: 900 });
    await page.goto(url, { waitUntil: 'networkidle0' });
    for (const open of [false, true]) {
      await page.evaluate((all) => document.querySelectorAll('details').forEach((details) => { details.open = all; }), open);
      const seen = await page.evaluate(findings);
      problems.push(...seen.found.map((problem) => `${width} px${open ? ', details open' : ''}: ${problem}`));
      charts = seen.charts;
    }
    for (const scheme of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      const pale = await page.evaluate(paleText);
      problems.push(...pale.map((problem) => `${width} px, ${scheme}: ${problem}`));
    }
  }
  await page.emulateMediaType('print');
  const printed = await page.evaluate(() => [...document.querySelectorAll('svg')].filter((chart) => chart.checkVisibility()).length);
  if (printed !== charts) problems.push(`${charts} charts on the screen, ${printed} in print`);
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  if (ground !== 'rgb(255, 255, 255)') problems.push(`printed on ${ground}`);
  const pdf = await page.pdf({ format: 'A4' });
  if (Buffer.from(pdf.subarray(0, 5)).toString() !== '%PDF-' || pdf.length < 10_000) problems.push('it does not print to PDF');
  await page.close();
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
  console.log(`${file} (${digest}): ${charts} charts, ${problems.length} problems`);
  for (const problem of problems) console.log(`  ${problem}`);
  return { charts, problems };
}

const [chromium, ...files] = process.argv.slice(2);
const browser = await puppeteer.launch({
  executablePath: chromium,
  headless: true,
  // Containers have no user namespaces, and often a small /dev/shm. The pages are our own.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
});
let failed = files.length === 0;
try {
  for (const file of files) {
    const { charts, problems } = await check(browser, file);
    failed ||= charts === 0 || problems.length > 0;
  }
} finally {
  await browser.close();
}
process.exitCode = failed ? 1 : 0;
