"""The table of MuJoCo's Reacher is what its values give."""

from __future__ import annotations

from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.spread import iqm
from tests.result_cases import RESULTS, cell, line, values, words

PAGE = "hardening/reacher.md"
EVERY = "colours+light+material"
SEEDS = range(5)


def test_every_figure_follows_from_the_values() -> None:
    now = Run(RESULTS).rows("hardening_reacher.json")
    smooth = Run(RESULTS).rows("hardening_reacher_smooth.json")
    domains = ("source", "ood1", "ood2", "ood2:light", "ood2:material")
    for label, rows, start in (
        ("`beta_late`", now, "beta_late"),
        ("`beta_late`, **hardened**", now, "beta_late_hardened"),
        ("the same, reliefs all smooth", smooth, "beta_late_hardened"),
        ("raw pixels", now, "pixels"),
        ("raw pixels, trained in the colours of `ood1`", now, "pixels_randomised"),
    ):
        wanted = [
            values(rows, start, "score", at, SEEDS)
            for at in (*domains, f"ood1:{EVERY}", f"ood2:{EVERY}")
        ]
        assert line(PAGE, label) == [cell(each) for each in wanted], label
    said = words(PAGE)
    for sentence, start, rows, at in (
        ("keep {} of it in `ood2`", "beta_late_hardened", now, "ood2"),
        ("{} in other light", "beta_late_hardened", now, "ood2:light"),
        ("{} on other floors", "beta_late_hardened", now, "ood2:material"),
        ("and {} where all changes", "beta_late_hardened", now, f"ood2:{EVERY}"),
        ("perhaps by colour, keep ({})", "beta_late", now, "ood2:material"),
        ("{} was left", "beta_late_hardened", smooth, "ood2:material"),
        ("raw pixels keep {} in `ood2`", "pixels", now, "ood2"),
    ):
        assert sentence.format(cell(values(rows, start, "retention", at, SEEDS))) in said
    middles = [
        float(iqm(values(now, start, "score", at, SEEDS)))
        for start, at in (
            ("beta_late_hardened", "source"), ("pixels", "source"),
            ("pixels_randomised", "source"), ("pixels_randomised", "ood2"),
        )
    ]  # fmt: skip
    assert 0.7 < middles[0] / middles[1] < 0.8  # three quarters
    assert {f"{middle:.2f}" for middle in middles[2:]} == {"0.86"}
    scale = ("blind", "state")
    returns = [float(iqm(values(now, start, "return", "source", SEEDS))) for start in scale]
    assert "returns of {:.1f} and {:.1f}".format(*returns) in said
