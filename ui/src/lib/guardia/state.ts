// How the rollout stands in one look: is something wrong, and how loud. Pure.
import type { Picture } from '../wire';
import { stands_out } from './lines';

/** `critical`: act now. `warning`: look now. `held`: waits for a person. `calm`: nothing. */
export type Mood = 'critical' | 'warning' | 'held' | 'calm';

export function mood({ environment, rollout, board, alerts, targets }: Pick<Picture, 'environment' | 'rollout' | 'board' | 'alerts' | 'targets'>): Mood {
  const open = alerts.filter((alert) => alert.resolved_at === null && alert.acknowledged === null);
  const firing = board.filter((row) => row.state === 'firing');
  if (
    rollout.stage === 'rolling-back' ||
    firing.some((row) => row.action === 'rollback' || row.severity === 'critical') ||
    open.some((alert) => alert.severity === 'critical') ||
    targets.some((target) => target.op?.escalated)
  ) {
    return 'critical';
  }
  const near = board.some(stands_out);
  // Whoever looks on and is told nothing, or knows that nobody watches, is not calm.
  const blind = environment.looking_on !== null && (environment.looking_on.lost || (environment.looking_on.unled && rollout.stage !== 'closed'));
  if (near || blind || open.length > 0 || targets.some((target) => target.silent !== null)) return 'warning';
  return rollout.frozen || rollout.latched !== null ? 'held' : 'calm';
}
