// What an order is meant for: the rollout that is on the screen when a person gives it. The host refuses it where another is open.
import type { Aim, Picture } from '../wire';

export function aim({ rollout, environment }: Pick<Picture, 'rollout' | 'environment'>): Aim {
  return { rollout: rollout.id, environment: environment.name };
}
