// A picture for tests of the page: nothing that runs imports it.
import type { BoardRow, GateRow, Picture, Reading, Target } from '../wire';

/** 2026-11-22 14:18:00 in Bogotá. */
export const AT = Date.UTC(2026, 10, 22, 19, 18);

export function reading(value: number | null, units = 40): Reading {
  return { value, units, freshness: value === null ? 'lost' : 'live' };
}

export function row(more: Partial<BoardRow> = {}): BoardRow {
  return {
    rule: 'errores-10',
    metric: 'error_rate',
    signal: 'errores',
    statistic: 'share',
    unit: 'ratio',
    better: 'lower',
    side: 'canary',
    canary: reading(0.012, 21),
    stable: reading(0.021, 400),
    whole: null,
    limit: 0.1,
    comparison: 'above',
    window_ms: 300_000,
    least_units: 20,
    for: { elapsed_ms: 0, of_ms: 300_000 },
    state: 'idle',
    severity: 'critical',
    action: 'rollback',
    freshness: 'live',
    ...more,
  };
}

export function gate(more: Partial<GateRow> = {}): GateRow {
  return {
    id: 'piloto-5/0',
    code: 'gate-relative',
    verdict: 'go',
    metric: 'abandonment',
    unit: 'ratio',
    comparison: 'above',
    value: 0.031,
    units: 64,
    limit: 0.044,
    no_go: null,
    clean_units: null,
    lasting: null,
    ...more,
  };
}

export function target(more: Partial<Target> = {}): Target {
  return {
    id: 'telnyx',
    kind: 'telnyx.number-share',
    place: { code: 'place-number-share', args: { account: { kind: 'text', value: 'produccion' }, stable: { kind: 'text', value: '2150000000000000001' }, canary: { kind: 'text', value: '2150000000000000002' } } },
    role: 'splitter',
    requested: 500,
    accepted: 470,
    read: 470,
    observed: 490,
    seen: { canary: 3, all: 61, over_ms: 60_000 },
    members: { canary: 12, all: 340 },
    levered: null,
    op: null,
    silent: null,
    drift: null,
    marks: { decided: null, accepted: null, read_back: null, seen: null, drained: null, contrary: 0, seeable: true },
    manual: [],
    ...more,
  };
}

/** A calm pilot at 5 %. */
export function picture(more: Partial<Picture> = {}): Picture {
  return {
    revision: 7,
    at: AT,
    environment: {
      name: 'simulador',
      simulated: true,
      speed: 60,
      scenario: 'canary-errors',
      store_fault: null,
      unwritten: 0,
      store: null,
      looking_on: null,
    },
    rollout: {
      id: 'ivr-texml-2026-11-22',
      plan: 'ivr-texml',
      name: 'IVR TeXML: sistema nuevo de voz',
      stage: 'baking',
      phase: 'piloto-5',
      frozen: false,
      holds: [],
      since: AT - 240_000,
      latched: null,
      cause: null,
      sentence: { code: 'stage-baking', args: { phase: { kind: 'text', value: 'Piloto 5 %' } } },
      may: ['approve', 'freeze', 'roll-back', 'pin'],
      approvals: [],
      helm: { by: 'mesa-1', since: AT - 600_000, here: true },
    },
    sources: [
      { name: 'telnyx', kind: 'telnyx', interval_ms: 15_000, lag_ms: 30_000, newest_at: AT - 32_000, freshness: 'live', not_live: 0, all: 9 },
      { name: 'prometheus', kind: 'prometheus', interval_ms: 15_000, lag_ms: 0, newest_at: AT - 44_000, freshness: 'late', not_live: 4, all: 12 },
    ],
    phases: [
      { id: 'piloto-5', name: 'Piloto 5 %', weight: 500, bake_ms: 480_000, baked_ms: 240_000, planned_start: null, entered_at: AT - 260_000, left_at: null, state: 'present', approvals: 0, checklist: 'preparacion' },
      { id: 'piloto-10', name: 'Piloto 10 %', weight: 1000, bake_ms: 480_000, baked_ms: 0, planned_start: null, entered_at: null, left_at: null, state: 'ahead', approvals: 1, checklist: null },
    ],
    board: [
      row({ rule: 'errores-5-sostenidos', limit: 0.05, action: 'alert', severity: 'high' }),
      row(),
      row({ rule: 'voz', metric: 'speech_recognition', better: 'higher', comparison: 'below', canary: reading(0.91), stable: reading(0.9), limit: 0.75, action: 'notify', severity: 'medium' }),
    ],
    evidence: [],
    gates: [gate(), gate({ id: 'piloto-5/3', code: 'gate-without-critical-error', metric: null, unit: null, comparison: null, value: null, limit: null, verdict: 'hold', lasting: { elapsed_ms: 240_000, of_ms: 480_000 } })],
    blockers: [{ code: 'blocker-bake-time', args: {} }],
    targets: [target(), target({ id: 'consultas', kind: 'kubernetes.virtual-service', role: 'follower', accepted: 500, read: 500, observed: null, seen: null, members: null })],
    units: { stable: 41, canary: 2 },
    alerts: [
      {
        id: 'a-1',
        severity: 'high',
        sentence: { code: 'notice-rule-firing', args: { rule: { kind: 'text', value: 'errores-5-sostenidos' } } },
        since: AT - 60_000,
        resolved_at: null,
        acknowledged: null,
      },
    ],
    journal: [
      { seq: 12, at: AT - 60_000, severity: 'high', sentence: { code: 'notice-rule-firing', args: { rule: { kind: 'text', value: 'errores-5-sostenidos' } } } },
    ],
    checklists: [{ id: 'preparacion', items: ['Ramas de código del despliegue creadas'], signed_by: 'operadora' }],
    tenants: [{ id: 'ayuntamiento-norte', name: 'Ayuntamiento Norte', numbers: 3, pinned: false }],
    emergency: {
      rollout: 'ivr-texml-2026-11-22',
      plan: 'ivr-texml',
      possible: true,
      confirm: false,
      from: 470,
      to: 0,
      targets: ['telnyx', 'consultas'],
      last_drill: { at: AT - 7_200_000, took_ms: 1_400 },
      verified: null,
    },
    popups: { standing: 'working', why: null, server: 'dunst', waiting: false, tested: { at: AT - 3_600_000, by: 'operadora' }, refused: null },
    ...more,
  };
}
