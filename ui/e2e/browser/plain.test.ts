// The page for whoever sees no colours, or wants nothing to move: in alarm, where most would.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../until';
import { browser, Host, Served } from './served';

let chromium: Browser;
let host: Host;
let served: Served;

beforeAll(async () => {
  chromium = await browser();
  host = await Host.open('--speed', '40', '--operator');
  served = await Served.open(chromium, host, { language: 'es', theme: 'light' }, { reducedMotion: 'reduce' });
  await served.until('an alarm', (told) => told.alerts?.some((alert) => alert.resolved_at === null && alert.acknowledged === null) ?? false, 60_000);
}, 120_000);

afterAll(async () => {
  await chromium.close();
  await host.close();
});

test('what is wrong has a shape beside its colour', async () => {
  const { page } = served;
  await page.locator('.say [data-shape="alarm"]').waitFor();
  // All in one look: the rollout goes on, and alerts come and go between two questions.
  const shapes = await page.evaluate(() => [...document.querySelectorAll('[data-alert].open')].map((open) => open.querySelectorAll('[data-shape="alarm"]').length));
  expect(shapes).toEqual(shapes.map(() => 1));
  // A number in one of the colours of the abnormal says nothing by itself: in its row, entry or block stands a shape.
  const bare = await page.evaluate(() => {
    const style = getComputedStyle(document.documentElement);
    const probe = document.body.appendChild(document.createElement('i'));
    const abnormal = ['--warn', '--critical'].map((name) => {
      probe.style.color = style.getPropertyValue(name);
      return getComputedStyle(probe).color;
    });
    probe.remove();
    const texts = [...document.querySelectorAll('#guardia *, header *')].filter(
      (node) => [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && /\d/.test(child.textContent ?? '')) && abnormal.includes(getComputedStyle(node).color),
    );
    return texts.filter((node) => !node.closest('tr, li, p, svg, div')?.querySelector('[data-shape]')).map((node) => node.outerHTML);
  });
  expect(bare).toEqual([]);
});

test('every two shapes differ in grey as well', async () => {
  const { page } = served;
  await until('three kinds of shape', () => page.evaluate(() => new Set([...document.querySelectorAll('svg[data-shape]')].map((svg) => (svg as SVGElement).dataset['shape'])).size >= 3));
  const shapes = await page.evaluate(async () => {
    const SIDE = 24;
    const drawn: Record<string, number[]> = {};
    for (const svg of document.querySelectorAll('svg[data-shape]')) {
      const copy = svg.cloneNode(true) as SVGElement;
      copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
      for (const [name, value] of Object.entries({ width: SIDE, height: SIDE, color: '#777' })) copy.setAttribute(name, String(value));
      const image = new Image();
      image.src = `data:image/svg+xml,${encodeURIComponent(copy.outerHTML)}`;
      await image.decode();
      const canvas = new OffscreenCanvas(SIDE, SIDE).getContext('2d')!;
      canvas.drawImage(image, 0, 0);
      const { data } = canvas.getImageData(0, 0, SIDE, SIDE);
      drawn[(svg as SVGElement).dataset['shape'] ?? ''] = Array.from({ length: SIDE * SIDE }, (_, pixel) => data[pixel * 4 + 3] ?? 0);
    }
    return drawn;
  });
  const names = Object.keys(shapes);
  expect(names.length).toBeGreaterThanOrEqual(3);
  for (const [index, one] of names.entries()) {
    for (const other of names.slice(index + 1)) {
      const [a, b] = [shapes[one] ?? [], shapes[other] ?? []];
      const apart = a.filter((alpha, pixel) => Math.abs(alpha - (b[pixel] ?? 0)) > 127).length;
      const painted = Math.max(a.filter((alpha) => alpha > 127).length, b.filter((alpha) => alpha > 127).length);
      expect(apart / painted, `${one} and ${other}`).toBeGreaterThan(0.3);
    }
  }
});

test('nothing moves for whoever asked for that', async () => {
  expect(await served.page.evaluate(() => document.getAnimations().length)).toBe(0);
});
