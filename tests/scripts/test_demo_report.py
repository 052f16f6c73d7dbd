"""The demo's outcome in lines: what hardening gained and what it cost."""

from __future__ import annotations

from bvae_rl.runtime.rows import Row
from bvae_rl.scripts.demo.report import CONTENT, DOMAINS, HARDENED, PLAIN, headline


def row(study: str, method: str, metric: str, value: float, domain: str) -> Row:
    return Row(
        study=study, method=method, algo="ppo", env="world", agent_seed=0, domain=domain,
        metric=metric, value=value, n=1, command="make demo",
    )  # fmt: skip


def test_the_headline_says_what_hardening_changed() -> None:
    others = ("state", "pixels", "pixels_randomised", PLAIN)
    scores = {CONTENT: (1.0, 0.9, 0.3), HARDENED: (0.96, 0.95, 0.9)}
    scores |= dict.fromkeys(others, (1.0, 1.0, 1.0))
    rows = [
        row("transfer", method, "score", value, domain)
        for method, values in scores.items()
        for domain, value in zip(DOMAINS, values, strict=True)
    ]
    part = f"{CONTENT}/content"
    rows += [
        row("representation", part, "r2/mean", 0.9, "pretrain"),
        row("representation", part, "leak/largest", 0.0, "pretrain"),
        row("representation", CONTENT, "mig/mean", 0.6, "pretrain"),
    ]
    said = headline(rows)
    assert "what hardening changed: -0.04 in source, +0.05 in ood1, +0.60 in ood2" in said
