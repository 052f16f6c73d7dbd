"""How large a demo is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Sizes of everything: frames, gradient steps of a VAE, environment steps of an agent, ..."""

    frames: int
    interventions: int
    vae_steps: int
    harden_steps: int
    samples: int
    fit_steps: int
    total_timesteps: int
    n_eval_episodes: int

    @property
    def rows(self) -> int:
        """Frames in the store: of independently sampled states, and four to each intervention."""
        return self.frames + 4 * self.interventions


SCALES = {
    "demo": Scale(12_000, 2_000, 500, 1_000, 6000, 1500, 100_000, 100),
    "demo-scratch": Scale(120_000, 20_000, 40_000, 12_000, 6000, 1500, 100_000, 100),
    "demo-quick": Scale(1_200, 200, 20, 10, 600, 50, 4_000, 10),
}
