// packaging/grafana/pong.json: a dashboard that Grafana takes, whose every query asks for what a real gamed and api-fcgi expose, by
// labels they have; and expressions, its own and those of docs/metrics.md, that Prometheus' own tool takes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { Cluster, noRedis } from './cluster.mjs';
import { repository, useStack } from './harness.mjs';
import { skipFor } from './requirement.mjs';
import { startMatch } from './rooms.mjs';
import { scrape } from './scrape.mjs';

const CLUSTER_ROW = 'Several game servers, and Redis';
const WIDTH = 24; // of Grafana's grid
const noPromtool = process.env.PONG_PROMTOOL ? false : 'there is no promtool (PONG_PROMTOOL)';

const dashboard = JSON.parse(readFileSync(path.join(repository, 'packaging/grafana/pong.json'), 'utf8'));

/** The panels with the row each is in. */
function panelsByRow() {
  let row;
  return dashboard.panels.flatMap((panel) => {
    if (panel.type === 'row') row = panel.title;
    return panel.type === 'row' ? [] : [{ row, panel }];
  });
}

/** As Grafana would send it. */
const filledIn = (expr) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$slot', '.*');

const expressions = [
  ...panelsByRow().flatMap(({ row, panel }) => panel.targets.map(({ expr }) => ({ row, title: panel.title, expr }))),
  ...dashboard.annotations.list.map(({ name, expr }) => ({ row: 'Now', title: name, expr })),
];

/** What a query asks for: [{name, labels: the keys of its matchers}]. */
function selectors(expr) {
  return [...expr.matchAll(/\b((?:pong|process)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)].map(([, name, matchers]) => ({
    name, labels: [...(matchers ?? '').matchAll(/([a-z_]+)\s*[=!]/g)].map(([, label]) => label),
  }));
}

function assertExposed(seen, { title, expr }) {
  for (const { name, labels } of selectors(expr)) {
    const family = seen.families.get(name) ?? seen.families.get(name.replace(/_(bucket|sum|count)$/, ''));
    assert.ok(family, `${title}: nobody exposes ${name}`);
    if (name !== family.name) assert.equal(family.type, 'histogram', `${title}: ${name}`);
    else assert.notEqual(family.type, 'histogram', `${title}: ${name} is a histogram`);
    const isCounted = /(?:rate|increase)\([^)]*$/.test(expr.slice(0, expr.indexOf(name)));
    if (isCounted) assert.notEqual(family.type, 'gauge', `${title}: the rate of a gauge, ${name}`);
    for (const label of labels) {
      if (label === 'slot' && family.samples.every((sample) => !sample.labels.has('slot'))) continue; // with Redis it is instance
      assert.ok(family.samples.some((sample) => sample.labels.has(label)), `${title}: ${name} has no label ${label}`);
    }
  }
}

describe('the dashboard', () => {
  test('each panel has a title, says what it shows, asks for something, and has a place of its own', () => {
    assert.equal(dashboard.title, 'Pong');
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const taken = new Set();
    for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
      assert.ok(title);
      assert.ok(x >= 0 && w > 0 && h > 0 && x + w <= WIDTH, title);
      for (let i = 0; i < w * h; i += 1) {
        const cell = `${x + (i % w)},${y + Math.floor(i / w)}`;
        assert.ok(!taken.has(cell), `${title} lies on another panel`);
        taken.add(cell);
      }
    }
    for (const { panel } of panelsByRow()) {
      assert.match(panel.description, /\.$/, panel.title);
      assert.ok(panel.targets.length > 0, panel.title);
      assert.ok(panel.targets.every(({ datasource }) => datasource.uid === '${datasource}'), panel.title);
    }
    const variables = new Set(dashboard.templating.list.map(({ name }) => name));
    for (const { title, expr } of expressions) {
      assert.ok(selectors(expr).length > 0, title);
      for (const [, name] of expr.matchAll(/\$\{?(\w+)/g)) assert.ok(name === '__rate_interval' || variables.has(name), `${title}: $${name}`);
    }
  });

  test('its expressions, and the alerts of docs/metrics.md, are taken by promtool', { skip: skipFor(noPromtool) }, () => {
    const file = path.join(stack.runDir, 'rules.yml');
    const check = () => execFileSync(process.env.PONG_PROMTOOL, ['check', 'rules', file], { stdio: 'pipe' });
    const rules = expressions.map(({ expr }, i) => ({ record: `dashboard:${i}`, expr: filledIn(expr) }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    check();
    const [, alerts] = /## Alerts worth having\n\n((?: {4}.*\n?)+)/.exec(readFileSync(path.join(repository, 'docs/metrics.md'), 'utf8'));
    writeFileSync(file, `groups:\n  - name: alerts\n    rules:\n${alerts}`);
    check();
  });

  const stack = useStack({});
  test('whatever it asks for is exposed', async () => {
    await startMatch(stack);
    const seen = await scrape(stack);
    for (const each of expressions.filter(({ row }) => row !== CLUSTER_ROW)) assertExposed(seen, each);
  });

  test('by several gamed with Redis, too', { skip: skipFor(noRedis) }, async () => {
    const cluster = await new Cluster({ instances: 2 }).start();
    try {
      await startMatch(cluster);
      const seen = await scrape(cluster);
      for (const each of expressions) assertExposed(seen, each);
    } finally {
      await cluster.stop();
    }
  });
});
